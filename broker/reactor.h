/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A reactor: one thread, one loop, the connections that live on it. A request runs to completion
 * here; nothing is handed between threads but completions of what waits (a flush, new records).
 */
#pragma once

#include "broker/deadlines.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/list.h"
#include "core/record/validate.h"

#include <pthread.h>
#include <stdatomic.h>

struct broker;

enum { REACTOR_SLICE_BYTES = 128 * 1024, REACTOR_SCRATCH_BYTES = 64 * 1024 };

struct reactor {
	struct broker *broker;
	struct loop *loop;
	pthread_t thread;
	bool started;
	struct deadlines deadlines;
	struct deadline sweep;	 /* idle connections */
	struct list flush_later; /* partition.later_node, each counted */
	struct deadline flush_due;
	struct list conns;
	struct list to_pump; /* conn.pump_node: replies became known outside of its own turn */
	struct list free_replies;
	struct list free_produce, free_fetch; /* pooled ops */
	uint8_t *slice;			      /* read buffer shared by the connections */
	uint8_t *scratch;		      /* reactor_scratch */
	struct arena arena;		      /* of the request that runs now */
	struct record_reader records;	      /* scratch of validation */
	struct record_verdict verdict;
	atomic_int conn_count; /* those on their way to it, too */
};

WEIR_MUST_USE enum weir_code reactor_start(
	struct broker *broker, struct reactor *reactor, struct weir_err *err);
/* REACTOR_SCRATCH_BYTES for whoever needs them during one call. On its thread. */
uint8_t *reactor_scratch(struct reactor *reactor);
/* Closes its listeners and connections; what waits for a flush still runs. Waits until that is
 * done. */
void reactor_close_conns(struct reactor *reactor);
/* Ends the thread, after all that was posted. Nothing may wait any more. */
void reactor_stop(struct reactor *reactor);
