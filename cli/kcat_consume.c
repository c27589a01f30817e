/* SPDX-License-Identifier: GPL-3.0-or-later */
/* -C, and -G with membership. */
#include "cli/kcat.h"

#include "cli/client_props.h"
#include "cli/interrupt.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/client/group_offsets.h"
#include "core/client/membership.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 100, COMMIT_EVERY_MS = 5000, LEAVE_MS = 2000 };

/* A partition that is read. */
struct part {
	const char *topic;
	int32_t partition, leader;
	int64_t end; /* where to stop; -1: for ever */
	bool at_end; /* the notice was given, and nothing came since */
	bool stopped;
};

struct reading {
	struct kcat *k;
	struct consumer *consumer;
	struct membership *group;
	struct format *format;
	struct format_style style;
	struct row_headers headers;
	struct arena arena;
	struct part *parts;
	size_t count, stopped, last;
	int64_t printed, commit_due_ms, commit_every_ms;
	bool committed, done, commits;
	int64_t reset; /* CLIENT_OFFSET_EARLIEST or _LATEST */
};

/* ---- where to begin ---- */

/* auto.offset.reset in any of librdkafka's words. */
static enum weir_code set_reset(struct reading *r, struct weir_err *err)
{
	const struct prop *p = props_find(&r->k->ctx->props, "auto.offset.reset");
	const char *value = p ? p->value : "largest";
	bool first = !strcmp(value, "smallest") || !strcmp(value, "earliest") ||
		     !strcmp(value, "beginning");
	bool last = !strcmp(value, "largest") || !strcmp(value, "latest") || !strcmp(value, "end");
	r->reset = first ? CLIENT_OFFSET_EARLIEST : CLIENT_OFFSET_LATEST;
	return first || last || !strcmp(value, "error")
		       ? WEIR_OK
		       : err_set(err, WEIR_BAD_DATA,
				 "Invalid value \"%s\" for configuration property "
				 "\"auto.offset.reset\"",
				 value);
}

static enum weir_code bounds(struct reading *r, const char *topic, int32_t partition,
	int64_t *first, int64_t *end, struct weir_err *err)
{
	struct client_offset a = {partition, CLIENT_OFFSET_EARLIEST, -1, 0};
	struct client_offset b = {partition, CLIENT_OFFSET_LATEST, -1, 0};
	enum weir_code code = client_offsets(r->k->client, topic, r->committed, &a, 1, err);
	code = code ? code : client_offsets(r->k->client, topic, r->committed, &b, 1, err);
	int32_t error = a.error ? a.error : b.error;
	if (code == WEIR_OK && error) {
		code = err_set(err, err_info(error)->code, "Topic %s [%d] error: Broker: %s", topic,
			(int)partition, err_info(error)->text);
	}
	*first = a.offset;
	*end = b.offset;
	return code;
}

/* What group.id committed, or -1. */
static enum weir_code stored_offset(struct reading *r, const char *topic, int32_t partition,
	int64_t *offset, struct weir_err *err)
{
	const struct prop *group = props_find(&r->k->ctx->props, "group.id");
	struct group_offset item = {
		.topic = topic, .partition = partition, .offset = -1, .leader_epoch = -1};
	*offset = -1;
	if (!group) {
		return WEIR_OK;
	}
	enum weir_code code = group_offsets_fetch(
		r->k->client, group->value, &group_outsider, false, &item, 1, &r->arena, err);
	*offset = code == WEIR_OK && !item.error ? item.offset : -1;
	return code;
}

static enum weir_code time_offset(struct reading *r, const char *topic, int32_t partition,
	int64_t *offset, struct weir_err *err)
{
	struct client_offset at = {partition, r->k->start_ms, -1, 0};
	enum weir_code code = client_offsets(r->k->client, topic, false, &at, 1, err);
	if (code == WEIR_OK && at.error) {
		code = err_set(err, err_info(at.error)->code,
			"offsets_for_times failed: Broker: %s", err_info(at.error)->text);
	}
	*offset = at.offset;
	return code;
}

/* stored: what the group committed, -1 none; without a group it is asked for. */
static enum weir_code begin_at(struct reading *r, const char *topic, int32_t partition,
	int64_t stored, int64_t *begin, int64_t *end, struct weir_err *err)
{
	const char *offset = r->k->offset;
	int64_t first = 0, at = -1;
	enum weir_code code = bounds(r, topic, partition, &first, end, err);
	if (code != WEIR_OK) {
		return code;
	}
	int64_t reset = r->reset == CLIENT_OFFSET_EARLIEST ? first : *end;
	if (r->k->start_ms) {
		code = time_offset(r, topic, partition, &at, err);
		at = at < 0 ? *end : at;
	} else if (!offset) {
		at = r->k->mode == 'G' ? (stored >= 0 ? stored : reset) : first;
	} else if (!strcmp(offset, "beginning")) {
		at = first;
	} else if (!strcmp(offset, "end")) {
		at = *end;
	} else if (!strcmp(offset, "stored")) {
		code = r->k->mode == 'G' ? WEIR_OK
					 : stored_offset(r, topic, partition, &stored, err);
		at = stored >= 0 ? stored : reset;
	} else {
		at = strtoll(offset, NULL, 10);
		at = at >= 0 ? at : *end + at < first ? first : *end + at;
	}
	*begin = at < first || at > *end ? reset : at;
	return code;
}

/* ---- parts ---- */

static struct part *part_of(struct reading *r, const char *topic, int32_t partition)
{
	for (size_t n = 0; n < r->count; n++) {
		size_t i = (r->last + n) % r->count;
		if (r->parts[i].partition == partition && !strcmp(r->parts[i].topic, topic)) {
			r->last = i;
			return &r->parts[i];
		}
	}
	return NULL;
}

static void stop_part(struct reading *r, struct part *part)
{
	if (!part->stopped) {
		part->stopped = true;
		r->stopped++;
		consumer_finish(r->consumer, part->topic, part->partition);
		r->done = r->done || (r->stopped >= r->count && r->k->mode == 'C');
	}
}

static bool all_at_end(const struct reading *r)
{
	for (size_t i = 0; i < r->count; i++) {
		if (!r->parts[i].at_end) {
			return false;
		}
	}
	return r->count > 0;
}

/* The part has nothing more for now. */
static void reached_end(struct reading *r, struct part *part, int64_t offset)
{
	if (part->at_end || part->stopped) {
		return;
	}
	part->at_end = true;
	if (r->k->exit_at_end && r->k->mode == 'C') {
		stop_part(r, part);
	} else if (r->k->exit_at_end && all_at_end(r)) {
		r->done = true;
	}
	struct weir_err err;
	(void)!out_flush(&r->k->ctx->out, &err);
	kcat_info(r->k, 1, "Reached end of topic %s [%d] at offset %" PRId64 "%s\n", part->topic,
		(int)part->partition, offset, r->done ? ": exiting" : "");
}

/* Nothing came: whose position is its end? */
static enum weir_code look_for_ends(struct reading *r, struct weir_err *err)
{
	for (size_t i = 0; i < r->count && !r->done; i++) {
		struct part *part = &r->parts[i];
		int64_t at = consumer_position(r->consumer, part->topic, part->partition);
		int64_t first, end = part->end;
		if (part->at_end || part->stopped) {
			continue;
		}
		if (end < 0) {
			enum weir_code code =
				bounds(r, part->topic, part->partition, &first, &end, err);
			if (code != WEIR_OK) {
				return code;
			}
		}
		if (at < 0 || at >= end) {
			reached_end(r, part, end);
		}
	}
	return WEIR_OK;
}

static enum weir_code add_part(struct reading *r, const char *topic, int32_t partition,
	int32_t leader, int64_t stored, struct weir_err *err)
{
	int64_t begin, end;
	enum weir_code code = begin_at(r, topic, partition, stored, &begin, &end, err);
	if (code != WEIR_OK) {
		return code;
	}
	bool ends = r->k->exit_at_end && r->k->mode == 'C';
	r->parts = mem_grow(r->parts, r->count + 1, sizeof(*r->parts));
	r->parts[r->count++] = (struct part){
		.topic = topic, .partition = partition, .leader = leader, .end = ends ? end : -1};
	if (ends && begin >= end) {
		return WEIR_OK;
	}
	return consumer_assign(r->consumer, topic, partition, begin, ends ? end : -1, err);
}

static enum weir_code add_topic(struct reading *r, struct weir_err *err)
{
	const struct client_topic *topic;
	struct kcat *k = r->k;
	enum weir_code code = kcat_topic(k, &r->arena, &topic, err);
	if (code == WEIR_OK && k->partition >= topic->partition_count) {
		code = err_set(err, WEIR_NOT_FOUND,
			"Topic %s (with partitions 0..%d): partition %d does not exist", k->topic,
			(int)topic->partition_count - 1, (int)k->partition);
	}
	for (int32_t i = 0; code == WEIR_OK && i < topic->partition_count; i++) {
		if (k->partition < 0 || k->partition == i) {
			code = add_part(r, k->topic, i, topic->partitions[i].leader, -1, err);
		}
	}
	return code;
}

/* ---- records ---- */

static enum weir_code print_record(
	struct reading *r, const struct consumed *c, int32_t leader, struct weir_err *err)
{
	struct row row = row_none;
	struct weir_err why;
	row.topic = slice_str(c->topic);
	row.partition = c->partition;
	row_from_record(&row, &r->headers, c->batch, &c->record);
	if (r->k->json) {
		kcat_json(r->k, &row, leader);
		return WEIR_OK;
	}
	if (format_print(r->format, &row, &r->style, &r->k->ctx->out, &why) == WEIR_OK) {
		return WEIR_OK;
	}
	enum weir_code code = err_set(err, why.code,
		"Failed to format message in %s [%d] at offset %" PRId64 ": %s", c->topic,
		(int)c->partition, row.offset, why.text);
	if (r->k->go_on) {
		fprintf(stderr, "%% ERROR: %s\n", err->text);
		return WEIR_OK;
	}
	return code;
}

static enum weir_code take(struct reading *r, const struct consumed *c, struct weir_err *err)
{
	struct part *part = part_of(r, c->topic, c->partition);
	struct kcat *k = r->k;
	if (!part || part->stopped) {
		return WEIR_OK;
	}
	part->at_end = false;
	if (k->stop_ms && c->record.timestamp >= k->stop_ms) {
		stop_part(r, part);
		kcat_info(k, 1,
			"Reached stop timestamp for topic %s [%d] at offset %" PRId64 "%s\n",
			part->topic, (int)part->partition, c->record.offset,
			r->done ? ": exiting" : "");
		return WEIR_OK;
	}
	int64_t next = c->record.offset + 1;
	enum weir_code code = print_record(r, c, part->leader, err);
	r->done = r->done || ++r->printed == k->count;
	if (code == WEIR_OK && part->end >= 0 && next >= part->end && !r->done) {
		reached_end(r, part, part->end);
	}
	if (code == WEIR_OK && (k->unbuffered || k->ctx->out.buf.len > 64 * 1024)) {
		code = out_flush(&k->ctx->out, err);
	}
	return code;
}

/* ---- groups ---- */

static void print_shares(
	const struct reading *r, const struct membership_event *event, const char *what)
{
	if (r->k->verbosity < 1) {
		return;
	}
	fprintf(stderr, "%% Group %s rebalanced (memberid %s): %s: ", r->k->group,
		membership_member_id(r->group), what);
	for (size_t i = 0; i < event->count; i++) {
		fprintf(stderr, "%s%s [%d]", i ? ", " : "", event->shares[i].topic,
			(int)event->shares[i].partition);
	}
	fputc('\n', stderr);
}

/* What has been written is done. */
static enum weir_code commit(struct reading *r, bool wait, struct weir_err *err)
{
	struct membership_share *shares = mem_array(r->count + 1, sizeof(*shares));
	size_t count = 0;
	enum weir_code code = out_flush(&r->k->ctx->out, err);
	r->commit_due_ms = clock_mono_ms() + r->commit_every_ms;
	for (size_t i = 0; i < r->count; i++) {
		int64_t at =
			consumer_position(r->consumer, r->parts[i].topic, r->parts[i].partition);
		if (at >= 0) {
			shares[count++] = (struct membership_share){
				r->parts[i].topic, r->parts[i].partition, at};
		}
	}
	if (code == WEIR_OK && r->commits) {
		code = membership_commit(r->group, shares, count, wait, err);
	}
	mem_free(shares);
	return code;
}

static void drop_shares(struct reading *r, const struct membership_event *event)
{
	for (size_t i = 0; i < event->count; i++) {
		struct part *part = part_of(r, event->shares[i].topic, event->shares[i].partition);
		if (part) {
			consumer_finish(r->consumer, part->topic, part->partition);
			*part = r->parts[--r->count];
			r->last = 0;
		}
	}
}

static enum weir_code step_group(struct reading *r, struct weir_err *err)
{
	struct membership_event event;
	struct weir_err why;
	for (;;) {
		enum weir_code code = membership_poll(r->group, &event, err);
		if (code != WEIR_OK || event.kind == MEMBERSHIP_NOTHING) {
			return code;
		}
		if (event.kind == MEMBERSHIP_ASSIGNED) {
			print_shares(r, &event, "assigned");
			for (size_t i = 0; i < event.count && code == WEIR_OK; i++) {
				code = add_part(r, event.shares[i].topic, event.shares[i].partition,
					-1, event.shares[i].offset, err);
			}
			if (code != WEIR_OK) {
				return code;
			}
			continue;
		}
		if (event.kind == MEMBERSHIP_REVOKED && commit(r, true, &why) != WEIR_OK) {
			kcat_info(r->k, 1, "ERROR: commit: %s\n", why.text);
		}
		print_shares(r, &event, "revoked");
		drop_shares(r, &event);
	}
}

static enum weir_code open_group(struct reading *r, struct weir_err *err)
{
	struct kcat *k = r->k;
	struct membership_conf conf = membership_conf_default;
	const struct prop *commits = props_find(&k->ctx->props, "enable.auto.commit");
	conf.group_id = k->group;
	conf.topics = (const char *const *)k->words;
	conf.topic_count = k->word_count;
	conf.protocol = MEMBERSHIP_CLASSIC;
	conf.assignors[0] = ASSIGNOR_RANGE;
	conf.assignors[1] = ASSIGNOR_ROUNDROBIN;
	conf.assignor_count = 2;
	r->commits = !commits || strcmp(commits->value, "false") != 0;
	enum weir_code code = client_props_member(k->ctx, &conf, &r->commit_every_ms, err);
	code = code ? code : membership_open(k->client, &conf, &r->group, err);
	if (code == WEIR_OK) {
		kcat_info(k, 1, "Waiting for group rebalance\n");
	}
	return code;
}

/* ---- all ---- */

static enum weir_code read_all(struct reading *r, struct weir_err *err)
{
	struct consumed consumed;
	enum consumer_event event;
	enum weir_code code = WEIR_OK;
	int64_t wait_ms = 0;
	while (code == WEIR_OK && !r->done && !interrupted()) {
		if (r->group) {
			code = step_group(r, err);
			if (code == WEIR_OK && clock_mono_ms() >= r->commit_due_ms) {
				code = commit(r, false, err);
			}
		}
		if (code == WEIR_OK) {
			code = consumer_next(r->consumer, wait_ms, &event, &consumed, err);
		}
		if (code != WEIR_OK) {
			break;
		}
		if (event == CONSUMER_RECORD) {
			wait_ms = 0;
			code = take(r, &consumed, err);
			continue;
		}
		code = out_flush(&r->k->ctx->out, err);
		if (code == WEIR_OK && (wait_ms || event == CONSUMER_DONE)) {
			code = look_for_ends(r, err);
		}
		wait_ms = WAIT_MS;
		if (code == WEIR_OK && event == CONSUMER_DONE && r->group) {
			membership_wait(r->group, clock_mono_ms() + WAIT_MS);
		}
	}
	return code;
}

static enum weir_code set_up(struct reading *r, struct weir_err *err)
{
	struct kcat *k = r->k;
	const struct prop *isolation = props_find(&k->ctx->props, "isolation.level");
	struct consumer_conf conf = consumer_conf_default;
	r->committed = !isolation || strcmp(isolation->value, "read_uncommitted") != 0;
	conf.committed = r->committed;
	r->style.null_text = k->null ? "NULL" : NULL;
	r->style.null_header_text = "NULL";
	enum weir_code code = set_reset(r, err);
	code = code || k->json ? code : kcat_format(k, &r->format, err);
	code = code ? code : client_props_consumer(k->ctx, &conf, err);
	code = code ? code : consumer_open(k->client, &conf, &r->consumer, err);
	if (code == WEIR_OK) {
		code = k->mode == 'G' ? open_group(r, err) : add_topic(r, err);
	}
	return code;
}

enum weir_code kcat_consume(struct kcat *k, struct weir_err *err)
{
	struct reading r = {.k = k, .commit_every_ms = COMMIT_EVERY_MS};
	struct weir_err why;
	arena_init(&r.arena, LIMIT_FRAME_DEFAULT);
	enum weir_code code = set_up(&r, err);
	if (code == WEIR_OK) {
		code = read_all(&r, err);
	}
	if (r.group && code == WEIR_OK && commit(&r, true, &why) != WEIR_OK) {
		kcat_info(k, 1, "ERROR: commit: %s\n", why.text);
	}
	membership_close(&r.group, LEAVE_MS);
	consumer_close(&r.consumer);
	format_free(&r.format);
	row_headers_fini(&r.headers);
	arena_fini(&r.arena);
	mem_free(r.parts);
	return code;
}
