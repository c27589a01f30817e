/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How times are spread: a bar for each doubling. */
#include "cli/bench.h"
#include "core/base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BARS_MAX = 64, BAR_WIDTH = 50, SVG_ROW = 18, SVG_LEFT = 150, SVG_BAR = 500, SVG_TOP = 50 };

/* Count of times in [2^i, 2^(i+1)) ns. */
struct bars {
	uint64_t counts[BARS_MAX];
	int first, last; /* first > last: no times */
	uint64_t most;
	int64_t total;
};

static void bars_of(const struct times *times, struct bars *bars)
{
	memset(bars, 0, sizeof(*bars));
	bars->first = BARS_MAX;
	bars->last = -1;
	bars->total = times->count;
	for (size_t i = 0; i < TIMES_BUCKETS; i++) {
		size_t shift = i >> TIMES_SUB_BITS;
		int bar = shift ? (int)(shift - 1) + TIMES_SUB_BITS
				: (i ? 63 - __builtin_clzll((unsigned long long)i) : 0);
		if (!times->counts[i]) {
			continue;
		}
		bars->counts[bar] += times->counts[i];
		bars->first = bar < bars->first ? bar : bars->first;
		bars->last = bar > bars->last ? bar : bars->last;
		bars->most = bars->counts[bar] > bars->most ? bars->counts[bar] : bars->most;
	}
}

/* "1.05 ms" */
static const char *time_text(double ns, char text[24])
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	size_t unit = 0;
	while (ns >= 1000 && unit < 3) {
		ns /= 1000;
		unit++;
	}
	snprintf(text, 24, "%.3g %s", ns, units[unit]);
	return text;
}

void bench_plot(struct out *out, const struct times *times)
{
	struct bars bars;
	char from[24], to[24], bar[BAR_WIDTH + 1];
	bars_of(times, &bars);
	out_str(out, "\n");
	for (int i = bars.first; i <= bars.last; i++) {
		uint64_t count = bars.counts[i];
		size_t len = (size_t)((double)count / (double)bars.most * BAR_WIDTH + 0.5);
		len = count && !len ? 1 : len;
		memset(bar, '#', len);
		bar[len] = '\0';
		out_printf(out, "%8s to %8s  %-*s %6.2f%%\n", time_text((double)(1ULL << i), from),
			time_text((double)(1ULL << i) * 2, to), BAR_WIDTH, bar,
			100.0 * (double)count / (double)bars.total);
	}
}

static void svg_rows(FILE *file, const struct bars *bars)
{
	char from[24], to[24];
	for (int i = bars->first; i <= bars->last; i++) {
		int y = SVG_TOP + (i - bars->first) * SVG_ROW;
		double part = (double)bars->counts[i] / (double)bars->total;
		double width = (double)bars->counts[i] / (double)bars->most * SVG_BAR;
		fprintf(file,
			"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s to %s</text>\n"
			"<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"#4477aa\"/>\n"
			"<text x=\"%.1f\" y=\"%d\">%.2f%%</text>\n",
			SVG_LEFT - 8, y + 12, time_text((double)(1ULL << i), from),
			time_text((double)(1ULL << i) * 2, to), SVG_LEFT, y, width, SVG_ROW - 4,
			SVG_LEFT + width + 6, y + 12, 100 * part);
	}
}

static void svg_figures(FILE *file, const struct times *times, int y)
{
	static const struct {
		const char *name;
		double part;
	} figures[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};
	char text[24];
	fprintf(file, "<text x=\"10\" y=\"%d\">", y);
	for (size_t i = 0; i < sizeof(figures) / sizeof(*figures); i++) {
		fprintf(file, "%s%s %s", i ? ", " : "", figures[i].name,
			time_text((double)times_at(times, figures[i].part), text));
	}
	fprintf(file, "</text>\n");
}

/* Text of a title may hold what XML does not like. */
static void svg_text(FILE *file, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", file);
			break;
		case '&':
			fputs("&amp;", file);
			break;
		default:
			fputc(*text, file);
		}
	}
}

enum weir_code bench_plot_svg(
	const char *path, const char *title, const struct times *times, struct weir_err *err)
{
	struct bars bars;
	bars_of(times, &bars);
	FILE *file = fopen(path, "we");
	if (!file) {
		return err_sys(err, errno, "--plot-file %s", path);
	}
	int rows = bars.last >= bars.first ? bars.last - bars.first + 1 : 0;
	int height = SVG_TOP + rows * SVG_ROW + 40;
	fprintf(file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%%\" "
		"height=\"100%%\" fill=\"white\"/>\n<text x=\"10\" y=\"24\" font-size=\"15\">",
		SVG_LEFT + SVG_BAR + 80, height);
	svg_text(file, title);
	fprintf(file, "</text>\n");
	svg_rows(file, &bars);
	svg_figures(file, times, height - 15);
	fprintf(file, "</svg>\n");
	bool bad = ferror(file) != 0;
	if (fclose(file) != 0 || bad) {
		return err_sys(err, errno ? errno : EIO, "--plot-file %s", path);
	}
	return WEIR_OK;
}
