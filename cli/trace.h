/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The protocol trace of -vv, on standard error: one line a request or answer. */
#pragma once

#include "core/client/connection.h"

struct trace;

/* whole: lines are not cut. */
struct trace *trace_new(bool whole);
void trace_free(struct trace **trace);
/* For client_conf; borrowed. */
const struct connection_trace *trace_hook(const struct trace *trace);
