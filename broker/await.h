/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests that tell, or go by, where a log ends. With flush.mode=group a batch that was answered
 * before its flush (acks 0 or 1) lies above the high watermark for a few milliseconds; who asks
 * then must not be told that it is not there. Such a request is put aside until the flush is done,
 * and handled anew.
 */
#pragma once

#include "broker/dispatch.h"
#include "broker/partition.h"

struct await;

/* Notes that req must wait for what p's producers were told, if that is not flushed yet. *await:
 * NULL at first. */
void await_add(struct await **await, struct request *req, struct partition *p);
/* true: the request is put aside, the handler returns at once. false: nothing to wait for. */
bool await_park(struct await **await);
