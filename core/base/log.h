/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Log lines. core and broker never print: a line goes to the sink that the program set (none:
 * dropped). Control bytes in the text are written as \xNN, so no peer can forge a line.
 */
#pragma once

#include "core/base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

typedef void log_sink(void *arg, enum log_level level, const char *text);

/* Call before threads start. sink NULL drops everything; lines below min are dropped early. */
void log_set_sink(log_sink *sink, void *arg, enum log_level min);
void log_line(enum log_level level, const char *fmt, ...) WEIR_PRINTF(2, 3);
const char *log_level_name(enum log_level level);
