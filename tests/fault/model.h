/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must be true of a topic, kept beside the broker under test.
 *
 * Every record's value says who sent it, where, and as the how-many-th, and is filled so that a
 * wrong byte shows. What the broker acknowledged, and what a consumer was given, is a claim: this
 * offset of this partition holds that record. The rules, by the names of Jepsen's Kafka workload:
 *
 *   inconsistent-offset  one offset with two records, ever
 *   lost-write           a claimed offset is beyond the end that is read later
 *   duplicate            one record at two offsets, unless its sender repeats
 *   reorder              a sender's records of a partition do not stand in the order sent
 *   phantom              a record that nobody sent, or not to there
 *   gap                  offsets are not dense
 *   regress              high watermark or log start moved back
 */
#pragma once

#include "core/base/bytes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { MODEL_VALUE_MIN = 16, MODEL_FAULTS_SHOWN = 20 };
#define MODEL_NOW INT64_MAX

struct model_cell {
	uint64_t id;  /* 0: nothing claimed */
	int64_t when; /* stamp of the first claim */
};

struct model_partition {
	pthread_mutex_t lock; /* guards the rest of the struct */
	struct model_cell *cells;
	size_t room;
	int64_t top;	   /* highest claimed offset + 1 */
	int64_t watermark; /* highest ever told */
};

/* One producer's records of one partition, by sequence from 1 on. */
struct model_lane {
	atomic_int sent;
	bool repeats;	    /* a record may stand there twice */
	int64_t *offsets;   /* by sequence, as read; -1: not seen. The checker's. */
	int32_t room, last; /* last: highest sequence seen */
};

struct model {
	int producers, partitions;
	struct model_partition *parts;
	struct model_lane *lanes;
	atomic_int faults;
	_Atomic int64_t claims;
};

void model_init(struct model *model, int producers, int partitions);
void model_fini(struct model *model);
/* Counts a violation and prints it, the first few. */
void model_fault(struct model *model, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

uint64_t model_id(int producer, int partition, int seq);
/* Fills len bytes (MODEL_VALUE_MIN at least). */
void model_fill(uint64_t id, uint8_t *value, size_t len);
/* 0: these are no such bytes. */
uint64_t model_parse(struct slice value);

struct model_lane *model_lane(struct model *model, int producer, int partition);
/* Any thread. offset holds id: somebody was told so at the time when. */
void model_claim(struct model *model, int partition, int64_t offset, uint64_t id, int64_t when,
	const char *by);
void model_watermark(struct model *model, int partition, int64_t watermark, const char *by);

/* One reading of a partition, offsets rising from from on. Not beside another of the same one. */
struct model_reading {
	struct model *model;
	int partition;
	int64_t from, next;
	int64_t stamp; /* of the claims that it makes; MODEL_NOW: none that outlive it */
};
void model_read_begin(struct model_reading *reading, struct model *model, int partition,
	int64_t from, int64_t stamp);
void model_read_record(struct model_reading *reading, int64_t offset, struct slice value);
/* All that was claimed up to the stamp when must have been there. */
void model_read_end(struct model_reading *reading, int64_t when);
/* Before a reading of another copy of the same run. */
void model_forget_reads(struct model *model);
