/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loading a shard: its log is read from start to end in big pieces and replayed into a coordinator
 * that nobody else sees yet. The end is the log's end, not the high watermark: what was appended
 * and is not flushed yet belongs to the state, and answers wait for it as for any other record. A
 * load that fails (the disk) is tried again after a pause; the shard answers
 * COORDINATOR_LOAD_IN_PROGRESS meanwhile.
 */
#include "broker/group/runner_priv.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#include <unistd.h>

enum { PIECE_BYTES = 4 << 20, RETRY_MS = 3000 };

struct loading {
	struct group_shard *shard;
	struct coordinator *coordinator;
	struct log *log;
	struct buf piece;
	struct record_reader reader;
	int64_t next; /* offset to read on from */
	int64_t end;
	int64_t records, skipped;
	struct weir_err *err;
};

static void replay_record(struct loading *l, const struct batch *batch, const struct record *record)
{
	struct group_replay at = {
		.offset = record->offset,
		.producer_id = batch->producer_id,
		.transactional = (batch->attributes & BATCH_TRANSACTIONAL) != 0,
	};
	struct weir_err err;
	l->records++;
	if (coordinator_replay(l->coordinator, &at, record->key, record->value, &err) != WEIR_OK &&
		l->skipped++ == 0) {
		log_line(LOG_WARN, "%s-%d, offset %lld: %s", group_topic_name, l->shard->index,
			(long long)record->offset, err.text);
	}
}

/* Key of a control record: version, type (0 abort, 1 commit). */
static void replay_marker(struct loading *l, const struct batch *batch, const struct record *record)
{
	if (record->key.data && record->key.len >= 4) {
		uint16_t type = be16_get(record->key.data + 2);
		if (type <= 1) {
			coordinator_replay_end(l->coordinator, batch->producer_id, type == 1);
		}
	}
}

static enum weir_code replay_batch(struct loading *l, const struct batch *batch)
{
	enum weir_code code = batch_check_crc(batch, l->err);
	if (code == WEIR_OK) {
		code = record_reader_start(&l->reader, batch, l->err);
	}
	bool got = true;
	while (code == WEIR_OK && got) {
		struct record record;
		code = record_reader_next(&l->reader, &record, &got, l->err);
		if (code == WEIR_OK && got) {
			bool control = batch->attributes & BATCH_CONTROL;
			(control ? replay_marker : replay_record)(l, batch, &record);
		}
	}
	return code;
}

/* The whole batches of the piece; *next moves behind the last. */
static enum weir_code replay_piece(struct loading *l)
{
	struct slice rest = slice_of(l->piece.data, l->piece.len);
	enum weir_code code = WEIR_OK;
	while (code == WEIR_OK && rest.len >= BATCH_PEEK_BYTES) {
		size_t size;
		struct batch batch;
		code = batch_peek(rest, &size, l->err);
		if (code != WEIR_OK || size > rest.len) {
			break;
		}
		code = batch_parse(slice_of(rest.data, size), &batch, l->err);
		if (code == WEIR_OK) {
			code = replay_batch(l, &batch);
			l->next = batch_last_offset(&batch) + 1;
		}
		rest = slice_of(rest.data + size, rest.len - size);
	}
	return code;
}

static enum weir_code read_piece(struct loading *l)
{
	struct log_span span;
	enum weir_code code = log_read(l->log, l->next, l->end, PIECE_BYTES, true, &span, l->err);
	if (code != WEIR_OK) {
		return code;
	}
	buf_reset(&l->piece);
	if (!buf_reserve(&l->piece, span.len)) {
		code = err_set(
			l->err, WEIR_NO_MEMORY, "no memory for a batch of %zu bytes", span.len);
	} else if (span.len) {
		code = log_span_copy(&span, l->piece.data, l->err);
		l->piece.len = span.len;
	}
	log_span_release(&span);
	return code;
}

static enum weir_code replay_log(struct loading *l)
{
	struct partition *p = l->shard->partition;
	enum weir_code code = partition_use(p, &l->log, l->err);
	if (code != WEIR_OK) {
		return code;
	}
	l->next = log_start_offset(l->log);
	l->end = log_end_offset(l->log);
	while (code == WEIR_OK && l->next < l->end) {
		int64_t before = l->next;
		code = read_piece(l);
		if (code == WEIR_OK) {
			code = replay_piece(l);
		}
		if (code == WEIR_OK && l->next == before) {
			break; /* a gap up to the end */
		}
	}
	partition_done(p);
	return code;
}

/* A partition whose directory is not there has never been written to. */
static bool never_written(const struct partition *p)
{
	char *dir = partition_dir(p);
	bool absent = access(dir, F_OK) != 0;
	mem_free(dir);
	return absent;
}

static void make_active(struct group_shard *shard, struct coordinator **coordinator, int64_t end)
{
	struct group_env env;
	struct broker *broker = shard->runner->broker;
	struct group_image view;
	group_image_init(&view, broker);
	group_env_now(&env, broker, &view);
	pthread_mutex_lock(&shard->lock);
	if (shard->state == SHARD_LOADING) {
		coordinator_loaded(*coordinator, &env, end);
		shard->coordinator = *coordinator;
		*coordinator = NULL;
		shard->state = SHARD_ACTIVE;
		int64_t next = coordinator_next_deadline(shard->coordinator);
		atomic_store(&shard->next_ms, next);
		ticker_wake(shard->runner, next);
	}
	pthread_mutex_unlock(&shard->lock);
	group_image_fini(&view);
	coordinator_free(coordinator);
}

bool load_at_once(struct group_shard *shard)
{
	if (!never_written(shard->partition)) {
		return false;
	}
	struct coordinator *coordinator = shard_coordinator(shard);
	make_active(shard, &coordinator, 0);
	return true;
}

static void load(struct group_shard *shard)
{
	struct weir_err err;
	struct loading l = {.shard = shard, .coordinator = shard_coordinator(shard), .err = &err};
	enum weir_code code;
	int64_t since = clock_mono_ms();
	buf_init(&l.piece, 0);
	record_reader_init(&l.reader, 0);
	code = replay_log(&l);
	record_reader_fini(&l.reader);
	buf_fini(&l.piece);
	if (code != WEIR_OK) {
		coordinator_free(&l.coordinator);
		log_line(LOG_ERROR, "load %s-%d: %s", group_topic_name, shard->index, err.text);
		pthread_mutex_lock(&shard->lock);
		bool again = shard->state == SHARD_LOADING;
		pthread_mutex_unlock(&shard->lock);
		if (again) {
			load_queue(shard, RETRY_MS);
		}
		return;
	}
	if (l.records) {
		log_line(LOG_DEBUG, "%s-%d: %lld records, %zu groups, %lld ms", group_topic_name,
			shard->index, (long long)l.records, coordinator_group_count(l.coordinator),
			(long long)(clock_mono_ms() - since));
	}
	make_active(shard, &l.coordinator, l.end);
}

void load_queue(struct group_shard *shard, int64_t after_ms)
{
	struct group_runner *runner = shard->runner;
	pthread_mutex_lock(&runner->work_lock);
	shard->load_after_ms = clock_mono_ms() + after_ms;
	list_remove(&shard->load_node);
	list_append(&runner->to_load, &shard->load_node);
	pthread_cond_signal(&runner->work);
	pthread_mutex_unlock(&runner->work_lock);
}

/* The next one that is due, off the list; else NULL and *wake_ms: when one will be. */
static struct group_shard *next_due(struct group_runner *runner, int64_t *wake_ms)
{
	int64_t now = clock_mono_ms();
	*wake_ms = INT64_MAX;
	LIST_EACH_SAFE(it, &runner->to_load)
	{
		struct group_shard *shard = LIST_ENTRY(it, struct group_shard, load_node);
		if (shard->load_after_ms <= now) {
			list_remove(it);
			return shard;
		}
		*wake_ms = shard->load_after_ms < *wake_ms ? shard->load_after_ms : *wake_ms;
	}
	return NULL;
}

void *loader_run(void *arg)
{
	struct group_runner *runner = arg;
	stat_attach(runner->broker->stat);
	pthread_mutex_lock(&runner->work_lock);
	while (!runner->stopping) {
		int64_t wake_ms;
		struct group_shard *shard = next_due(runner, &wake_ms);
		if (shard) {
			pthread_mutex_unlock(&runner->work_lock);
			load(shard);
			pthread_mutex_lock(&runner->work_lock);
		} else if (resolve_next(runner)) {
			continue;
		} else if (wake_ms == INT64_MAX) {
			pthread_cond_wait(&runner->work, &runner->work_lock);
		} else {
			struct timespec ts = {
				.tv_sec = wake_ms / 1000, .tv_nsec = wake_ms % 1000 * 1000000};
			pthread_cond_timedwait(&runner->work, &runner->work_lock, &ts);
		}
	}
	pthread_mutex_unlock(&runner->work_lock);
	stat_attach(NULL);
	return NULL;
}
