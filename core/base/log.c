/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>

static log_sink *the_sink;
static void *the_arg;
static enum log_level the_min = LOG_INFO;

void log_set_sink(log_sink *sink, void *arg, enum log_level min)
{
	the_sink = sink;
	the_arg = arg;
	the_min = min;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	if (!the_sink || level < the_min) {
		return;
	}
	char raw[1024];
	va_list args;
	va_start(args, fmt);
	vsnprintf(raw, sizeof(raw), fmt, args);
	va_end(args);
	char text[sizeof(raw) * 4];
	size_t n = 0;
	for (const char *p = raw; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (c < 0x20 || c == 0x7f) {
			n += (size_t)snprintf(text + n, sizeof(text) - n, "\\x%02x", c);
		} else {
			text[n++] = *p;
		}
	}
	text[n] = '\0';
	the_sink(the_arg, level, text);
}

const char *log_level_name(enum log_level level)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	return names[level];
}
