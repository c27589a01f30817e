/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/top_screen.h"

#include "cli/progress.h"
#include "core/base/mem.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { NAME_WIDTH = 32, LINE_BYTES = 512, SPARK_WIDTH = 30, FIXED_LINES = 6 };

static struct termios before;
static bool taken;

bool top_screen_open(struct out *out)
{
	struct termios raw;
	if (tcgetattr(STDIN_FILENO, &before) != 0) {
		return false;
	}
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	taken = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	out_str(out, "\x1b[?1049h\x1b[?25l");
	return true;
}

void top_screen_close(struct out *out)
{
	struct weir_err err;
	out_str(out, "\x1b[?25h\x1b[?1049l");
	(void)!out_flush(out, &err);
	if (taken) {
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
		taken = false;
	}
}

int top_screen_key(int64_t wait_ms)
{
	struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
	char key;
	if (poll(&fd, 1, (int)wait_ms) <= 0 || read(STDIN_FILENO, &key, 1) != 1) {
		return 0;
	}
	return (unsigned char)key;
}

void top_sparkline(const double *history, int count, int room, char *text)
{
	double most = 0;
	int first = count > room ? count - room : 0;
	for (int i = first; i < count; i++) {
		most = history[i] > most ? history[i] : most;
	}
	for (int i = first; i < count; i++) {
		/* U+2581 to U+2588, a space for nothing */
		int level = most > 0 ? (int)(history[i] / most * 8 + 0.5) : 0;
		if (level <= 0) {
			*text++ = ' ';
			continue;
		}
		memcpy(text, "\xe2\x96", 2);
		text[2] = (char)(0x80 + level);
		text += 3;
	}
	*text = '\0';
}

/* The last history_count values. */
static void spark_of(const struct top_row *row, char text[3 * SPARK_WIDTH + 1])
{
	int skip = TOP_HISTORY - row->history_count;
	top_sparkline(row->history + skip, row->history_count, SPARK_WIDTH, text);
}

static const char *number(double value, char text[32])
{
	static const char *const units[] = {"", "k", "M", "G", "T"};
	int unit = 0;
	if (value < 0) {
		return "-";
	}
	while (value >= 9999.5 && unit < 4) {
		value /= 1000;
		unit++;
	}
	snprintf(text, 32, "%.*f%s", unit && value < 100 ? 1 : 0, value, units[unit]);
	return text;
}

static const char *size(int64_t bytes, char text[32])
{
	return bytes < 0 ? "-" : progress_size(bytes, text);
}

/* One line of the screen, cut to its width; the cursor goes to the next. */
static void put_line(struct out *out, const char *text, const char *style)
{
	struct slice line = slice_str(text);
	size_t used = 0, columns = 0;
	while (used < line.len && columns < out->width) {
		size_t n = utf8_len(slice_of(line.data + used, line.len - used));
		used += n ? n : 1;
		columns++;
	}
	out_str(out, out->color ? style : "");
	out_bytes(out, line.data, used);
	out_str(out, out->color && style[0] ? "\x1b[0m" : "");
	out_str(out, "\x1b[K\r\n");
}

static void format_row(const struct top_row *row, char *line)
{
	char a[32], b[32], c[32], d[32], spark[3 * SPARK_WIDTH + 1];
	struct buf name;
	buf_init(&name, 0);
	text_escape(&name, slice_str(row->name), "");
	spark_of(row, spark);
	if (row->kind == TOP_GROUP) {
		snprintf(line, LINE_BYTES, "%-*.*s %10s %10s %10s %-18.18s %s", NAME_WIDTH,
			NAME_WIDTH, buf_str(&name), number((double)row->lag, a),
			number(row->records_per_s, b), number((double)row->count, c),
			row->state ? row->state : "", spark);
	} else if (row->kind == TOP_TOPIC) {
		snprintf(line, LINE_BYTES, "%-*.*s %10s %10s %10s %9s %7s  %s", NAME_WIDTH,
			NAME_WIDTH, buf_str(&name), number(row->records_per_s, a),
			size((int64_t)row->bytes_per_s, b), number((double)row->records, c),
			size(row->bytes, d), "", spark);
	} else {
		snprintf(line, LINE_BYTES, "%-*.*s %10s %10s %10s %9s %7s  %s", NAME_WIDTH,
			NAME_WIDTH, buf_str(&name), "", size((int64_t)row->bytes_per_s, b),
			number((double)row->count, c), size(row->bytes, d), "", spark);
	}
	buf_fini(&name);
}

static void draw_part(
	struct out *out, const struct top *top, enum top_kind kind, size_t room, size_t scroll)
{
	static const char *const heads[] = {
		[TOP_TOPIC] =
			"TOPIC                             records/s    bytes/s    records      "
			"disk           records/s",
		[TOP_GROUP] =
			"GROUP                                   lag  records/s partitions STATE"
			"              lag",
		[TOP_BROKER] =
			"BROKER                                       bytes/s      leads      "
			"disk           bytes/s",
	};
	char line[LINE_BYTES];
	size_t count;
	struct top_row **rows = top_rows(top, kind, &count);
	scroll = scroll < count ? scroll : count ? count - 1 : 0;
	if (count && room > 1) {
		put_line(out, heads[kind], "\x1b[7m");
		for (size_t i = scroll; i < count && i - scroll < room - 1; i++) {
			format_row(rows[i], line);
			put_line(out, line, "");
		}
	}
	mem_free(rows);
}

void top_screen_draw(struct out *out, const struct top *top, int64_t interval_ms, size_t scroll)
{
	struct winsize window;
	char line[LINE_BYTES];
	size_t height = 24;
	if (ioctl(out->fd, TIOCGWINSZ, &window) == 0 && window.ws_row && window.ws_col) {
		height = window.ws_row;
		out->width = window.ws_col;
	}
	size_t brokers = top->rows[TOP_BROKER].count + 1;
	size_t room = height > FIXED_LINES ? height - FIXED_LINES : 1;
	brokers = brokers < room / 4 ? brokers : room / 4;
	size_t groups = top->rows[TOP_GROUP].count ? (room - brokers) / 2 : 0;
	groups = groups < top->rows[TOP_GROUP].count + 1 ? groups : top->rows[TOP_GROUP].count + 1;
	groups = top->rows[TOP_GROUP].count ? groups : 0;
	snprintf(line, sizeof(line),
		"weir top  cluster %s  %" PRId64 " broker%s  %zu topics  %zu groups  every %.1f s  "
		"q quits, j k scroll",
		top->cluster_id, top->nodes, top->nodes == 1 ? "" : "s", top->rows[TOP_TOPIC].count,
		top->rows[TOP_GROUP].count, (double)interval_ms / 1000);
	out_str(out, "\x1b[H");
	put_line(out, line, "\x1b[1m");
	put_line(out, "", "");
	draw_part(out, top, TOP_BROKER, brokers, 0);
	put_line(out, "", "");
	draw_part(out, top, TOP_TOPIC, room - brokers - groups, scroll);
	put_line(out, "", "");
	draw_part(out, top, TOP_GROUP, groups, 0);
	out_str(out, "\x1b[J");
}
