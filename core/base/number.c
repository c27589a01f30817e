/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/number.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum weir_code number_i64(
	const char *text, int64_t min, int64_t max, int64_t *out, struct weir_err *err)
{
	char *end;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (end == text || *end || strchr(" \t\n+", text[0])) {
		return err_set(err, WEIR_USAGE, "\"%s\" is not a whole number", text);
	}
	if (errno || v < min || v > max) {
		return err_set(
			err, WEIR_USAGE, "%s is outside %" PRId64 " to %" PRId64, text, min, max);
	}
	*out = v;
	return WEIR_OK;
}

/* Splits "12.5xy" in number and suffix; false when no number leads. */
static bool split(const char *text, double *value, const char **suffix)
{
	if (!(text[0] >= '0' && text[0] <= '9')) {
		return false;
	}
	size_t digits = strspn(text, "0123456789.");
	char *end;
	*value = strtod(text, &end);
	*suffix = text + digits;
	return end == *suffix;
}

enum weir_code number_size(const char *text, int64_t *out, struct weir_err *err)
{
	double value;
	const char *suffix;
	if (!split(text, &value, &suffix)) {
		return err_set(err, WEIR_USAGE, "\"%s\" is not a size (64k, 1M, 1G)", text);
	}
	static const char units[] = "kmgt";
	const char *unit = *suffix ? strchr(units, *suffix | 0x20) : NULL;
	const char *rest = suffix;
	if (unit) {
		for (const char *u = units; u <= unit; u++) {
			value *= 1024;
		}
		rest = suffix + 1;
	}
	bool rest_ok = !*rest || !strcasecmp(rest, "b") || (unit && !strcasecmp(rest, "ib"));
	if (!rest_ok || value >= 9.2e18 || (!unit && strchr(text, '.'))) {
		return err_set(err, WEIR_USAGE, "\"%s\" is not a size (64k, 1M, 1G)", text);
	}
	*out = (int64_t)value;
	return WEIR_OK;
}

enum weir_code number_duration(const char *text, int64_t *out, struct weir_err *err)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = {{"", 1e3}, {"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}, {"d", 8.64e7},
		{"w", 6.048e8}};
	double value;
	const char *suffix;
	if (split(text, &value, &suffix)) {
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
			if (!strcmp(suffix, units[i].unit) && value * units[i].ms < 9.2e18) {
				*out = (int64_t)(value * units[i].ms);
				return WEIR_OK;
			}
		}
	}
	return err_set(err, WEIR_USAGE, "\"%s\" is not a duration (500ms, 5s, 2h, 7d)", text);
}

/* The part after the seconds: fraction, then "", "Z" or an offset. */
static bool parse_time_tail(const char *p, int64_t *ms)
{
	if (*p == '.') {
		int64_t scale = 100;
		for (p++; *p >= '0' && *p <= '9'; p++, scale /= 10) {
			*ms += (*p - '0') * scale;
		}
	}
	int hours, minutes, used = 0;
	if (!strcmp(p, "Z") || !strcmp(p, "z") || !*p) {
		return true;
	}
	if ((*p == '+' || *p == '-') && sscanf(p + 1, "%2d:%2d%n", &hours, &minutes, &used) == 2 &&
		!p[1 + used]) {
		int64_t shift = (hours * 60 + minutes) * INT64_C(60000);
		*ms += *p == '+' ? -shift : shift;
		return true;
	}
	return false;
}

static bool parse_calendar(const char *text, int64_t *out)
{
	struct tm tm = {0};
	const char *p = strptime(text, "%Y-%m-%d", &tm);
	if (!p || strspn(text, "0123456789") != 4) {
		return false;
	}
	int64_t extra_ms = 0;
	if (*p) {
		if (*p != 'T' && *p != 't' && *p != ' ') {
			return false;
		}
		p = strptime(p + 1, "%H:%M:%S", &tm);
		if (!p || !parse_time_tail(p, &extra_ms)) {
			return false;
		}
	}
	*out = (int64_t)timegm(&tm) * 1000 + extra_ms;
	return true;
}

enum weir_code number_time(const char *text, int64_t now_ms, int64_t *out, struct weir_err *err)
{
	int64_t value;
	if (!strcmp(text, "now")) {
		*out = now_ms;
		return WEIR_OK;
	}
	if (text[0] == '-' && number_duration(text + 1, &value, NULL) == WEIR_OK) {
		*out = now_ms - value;
		return WEIR_OK;
	}
	if (number_i64(text, 0, INT64_MAX, &value, NULL) == WEIR_OK) {
		*out = strlen(text) <= 11 ? value * 1000 : value;
		return WEIR_OK;
	}
	if (parse_calendar(text, out)) {
		return WEIR_OK;
	}
	return err_set(err, WEIR_USAGE,
		"\"%s\" is not a time (RFC 3339, YYYY-MM-DD, unix seconds or ms, -1h, now)", text);
}
