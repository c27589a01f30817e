/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/group/runner.h"

#include "broker/group/commit.h"
#include "broker/group/runner_priv.h"
#include "broker/topic_admin.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/number.h"

#include <stdio.h>

const char group_topic_name[] = "__consumer_offsets";

enum { GONE_RETRY_MS = 200, RELOAD_MS = 1000 };

/* ---- the catalog ---- */

static const struct image *image_of(const struct group_catalog *catalog)
{
	return ((const struct group_image *)(const void *)catalog)->image;
}

static bool fill(const struct image_topic *row, struct group_topic *topic)
{
	if (row) {
		*topic = (struct group_topic){.name = slice_str(row->name),
			.id = row->id,
			.partition_count = row->partition_count};
	}
	return row != NULL;
}

static bool by_name(
	const struct group_catalog *catalog, struct slice name, struct group_topic *topic)
{
	return fill(image_topic(image_of(catalog), name), topic);
}

static bool by_id(const struct group_catalog *catalog, struct uuid id, struct group_topic *topic)
{
	return fill(image_topic_by_id(image_of(catalog), id), topic);
}

static bool at(const struct group_catalog *catalog, size_t i, struct group_topic *topic)
{
	const struct image *image = image_of(catalog);
	return fill(i < image->topic_count ? image->topics[i] : NULL, topic);
}

static bool setting(
	const struct group_catalog *catalog, struct slice group_id, const char *key, int32_t *value)
{
	const char *text = image_group_config(image_of(catalog), group_id, key);
	int64_t number;
	if (!text || number_i64(text, 1, INT32_MAX, &number, NULL) != WEIR_OK) {
		return false;
	}
	*value = (int32_t)number;
	return true;
}

void group_image_init(struct group_image *view, struct broker *broker)
{
	view->image = image_current(broker_images(broker));
	view->catalog = (struct group_catalog){.revision = view->image->revision,
		.by_name = by_name,
		.by_id = by_id,
		.setting = setting,
		.at = at};
}

void group_image_fini(struct group_image *view)
{
	image_release(view->image);
	view->image = NULL;
}

void group_env_now(struct group_env *env, struct broker *broker, const struct group_image *view)
{
	*env = (struct group_env){
		.conf = broker_conf(broker),
		.catalog = view ? &view->catalog : NULL,
		.mono_ms = clock_mono_ms(),
		.wall_ms = clock_wall_ms(),
	};
}

/* ---- shards ---- */

static enum weir_code on_append(
	void *arg, uint8_t *bytes, size_t len, int64_t *end, struct weir_err *err)
{
	struct group_shard *shard = arg;
	struct partition *p = shard->partition;
	struct log *log;
	struct log_appended appended;
	enum weir_code code = partition_use(p, &log, err);
	if (code == WEIR_OK) {
		code = log_append(log, bytes, len, atomic_load(&p->leader_epoch), &appended, err);
		if (code == WEIR_OK) {
			*end = appended.last_offset + 1;
			partition_appended(p, log, *end - appended.base_offset);
		} else {
			partition_append_failed(p, log, err);
		}
		partition_done(p);
	}
	if (code != WEIR_OK) {
		log_line(LOG_ERROR, "append to %s-%d: %s", group_topic_name, shard->index,
			err->text);
		return err_set(err, WEIR_COORDINATOR_NOT_AVAILABLE,
			"the group's records cannot be written");
	}
	return WEIR_OK;
}

struct coordinator *shard_coordinator(struct group_shard *shard)
{
	struct group_effects effects = {.arg = shard,
		.append = on_append,
		.answer = call_answer,
		.settle = call_settle,
		.resolve = resolve_queue};
	return coordinator_new(&effects);
}

static struct group_shard *shard_new(
	struct group_runner *runner, int32_t index, struct partition *partition)
{
	struct group_shard *shard = mem_new(sizeof(*shard));
	shard->runner = runner;
	shard->index = index;
	shard->partition = partition;
	pthread_mutex_init(&shard->lock, NULL);
	list_init(&shard->answered);
	list_init(&shard->settled);
	list_init(&shard->load_node);
	atomic_store(&shard->next_ms, INT64_MAX);
	return shard;
}

/* Its parked requests are answered; who still has it in hand finds it gone. */
static void shard_retire(struct group_shard *shard)
{
	struct list settled;
	list_init(&settled);
	pthread_mutex_lock(&shard->lock);
	shard->state = SHARD_GONE;
	coordinator_free(&shard->coordinator);
	atomic_store(&shard->next_ms, INT64_MAX);
	LIST_EACH_SAFE(it, &shard->settled)
	{
		list_remove(it);
		list_append(&settled, it);
	}
	pthread_mutex_unlock(&shard->lock);
	calls_send(shard->partition, &settled);
	pthread_mutex_lock(&shard->runner->work_lock);
	list_remove(&shard->load_node);
	pthread_mutex_unlock(&shard->runner->work_lock);
}

static void take_in_hand(struct group_shard *shard, struct group_use *use)
{
	struct broker *broker = shard->runner->broker;
	use->shard = shard;
	use->coordinator = shard->coordinator;
	group_image_init(&use->view, broker);
	group_env_now(&use->env, broker, &use->view);
}

/* With the table locked, which it unlocks. */
static enum weir_code enter(struct group_runner *runner, struct group_shard *shard,
	struct group_use *use, struct weir_err *err)
{
	pthread_mutex_lock(&shard->lock);
	pthread_rwlock_unlock(&runner->table);
	if (shard->state == SHARD_ACTIVE) {
		take_in_hand(shard, use);
		return WEIR_OK;
	}
	bool loading = shard->state == SHARD_LOADING;
	pthread_mutex_unlock(&shard->lock);
	return loading ? err_set(err, WEIR_COORDINATOR_LOAD_IN_PROGRESS,
				 "the groups are being loaded")
		       : err_set(err, WEIR_NOT_COORDINATOR, "the offsets topic is gone");
}

enum weir_code group_enter(
	struct broker *broker, struct slice group_id, struct group_use *use, struct weir_err *err)
{
	struct group_runner *runner = broker->groups;
	pthread_rwlock_rdlock(&runner->table);
	if (!runner->count) {
		pthread_rwlock_unlock(&runner->table);
		return err_set(err, WEIR_NOT_COORDINATOR, "there is no offsets topic yet");
	}
	int32_t i = coordinator_partition(group_id, runner->count);
	return enter(runner, runner->shards[i], use, err);
}

enum weir_code group_enter_at(
	struct broker *broker, int32_t i, struct group_use *use, struct weir_err *err)
{
	struct group_runner *runner = broker->groups;
	pthread_rwlock_rdlock(&runner->table);
	if (i >= runner->count) {
		pthread_rwlock_unlock(&runner->table);
		return err_set(err, WEIR_NOT_FOUND, "no more shards");
	}
	return enter(runner, runner->shards[i], use, err);
}

/* After an append that failed: from the log again, after a pause. */
static void start_again(struct group_shard *shard)
{
	coordinator_free(&shard->coordinator);
	shard->state = SHARD_LOADING;
	load_queue(shard, RELOAD_MS);
}

void group_leave(struct group_use *use)
{
	struct group_shard *shard = use->shard;
	struct list settled;
	list_init(&settled);
	if (coordinator_failed(shard->coordinator)) {
		start_again(shard);
	}
	LIST_EACH_SAFE(it, &shard->settled)
	{
		list_remove(it);
		list_append(&settled, it);
	}
	int64_t next =
		shard->coordinator ? coordinator_next_deadline(shard->coordinator) : INT64_MAX;
	atomic_store(&shard->next_ms, next);
	pthread_mutex_unlock(&shard->lock);
	ticker_wake(shard->runner, next);
	calls_send(shard->partition, &settled);
	group_image_fini(&use->view);
}

/* ---- the ticker ---- */

void ticker_wake(struct group_runner *runner, int64_t at_ms)
{
	if (at_ms >= atomic_load(&runner->wake_ms)) {
		return;
	}
	pthread_mutex_lock(&runner->work_lock);
	atomic_store(&runner->wake_ms, at_ms);
	pthread_cond_signal(&runner->tick);
	pthread_mutex_unlock(&runner->work_lock);
}

static void tick_shard(struct group_runner *runner, int32_t i)
{
	struct weir_err err;
	struct group_use use;
	if (group_enter_at(runner->broker, i, &use, &err) != WEIR_OK) {
		return;
	}
	if (coordinator_tick(use.coordinator, &use.env, &err) != WEIR_OK) {
		log_line(LOG_WARN, "%s-%d: %s", group_topic_name, i, err.text);
	}
	group_leave(&use);
}

static int64_t deadline_of(struct group_runner *runner, int32_t i, bool *end)
{
	pthread_rwlock_rdlock(&runner->table);
	*end = i >= runner->count;
	int64_t next = *end ? INT64_MAX : atomic_load(&runner->shards[i]->next_ms);
	pthread_rwlock_unlock(&runner->table);
	return next;
}

/* Ticks what is due; when something will be next. */
static int64_t tick_all(struct group_runner *runner)
{
	int64_t wake = INT64_MAX;
	bool end = false;
	for (int32_t i = 0; !end; i++) {
		int64_t next = deadline_of(runner, i, &end);
		if (next <= clock_mono_ms()) {
			tick_shard(runner, i);
			next = deadline_of(runner, i, &end);
		}
		wake = next < wake ? next : wake;
	}
	return wake;
}

/* false: a shard is not loaded yet, to be done again. */
static bool forget_topic(struct group_runner *runner, const char *name)
{
	for (int32_t i = 0;; i++) {
		struct weir_err err;
		struct group_use use;
		enum weir_code code = group_enter_at(runner->broker, i, &use, &err);
		if (code == WEIR_NOT_FOUND) {
			return true;
		}
		if (code == WEIR_OK) {
			code = coordinator_topic_deleted(
				use.coordinator, &use.env, slice_str(name), &err);
			group_leave(&use);
		}
		if (code != WEIR_OK && code != WEIR_NOT_COORDINATOR) {
			return false;
		}
	}
}

static struct gone_topic *take_gone(struct group_runner *runner)
{
	if (list_empty(&runner->gone)) {
		return NULL;
	}
	struct list *first = runner->gone.next;
	list_remove(first);
	return LIST_ENTRY(first, struct gone_topic, node);
}

static void gone_free(struct gone_topic *gone)
{
	mem_free(gone->name);
	mem_free(gone);
}

static void *ticker_run(void *arg)
{
	struct group_runner *runner = arg;
	stat_attach(runner->broker->stat);
	pthread_mutex_lock(&runner->work_lock);
	while (!runner->stopping) {
		atomic_store(&runner->wake_ms, INT64_MAX);
		struct gone_topic *gone = take_gone(runner);
		pthread_mutex_unlock(&runner->work_lock);
		bool forgotten = !gone || forget_topic(runner, gone->name);
		int64_t wake = tick_all(runner);
		if (gone && forgotten) {
			gone_free(gone);
			wake = 0;
		} else if (gone && wake > clock_mono_ms() + GONE_RETRY_MS) {
			wake = clock_mono_ms() + GONE_RETRY_MS;
		}
		pthread_mutex_lock(&runner->work_lock);
		if (gone && !forgotten) {
			list_append(&runner->gone, &gone->node);
		}
		int64_t asked = atomic_load(&runner->wake_ms);
		wake = asked < wake ? asked : wake;
		atomic_store(&runner->wake_ms, wake);
		if (wake > clock_mono_ms() && !runner->stopping) {
			struct timespec ts = {
				.tv_sec = wake / 1000, .tv_nsec = wake % 1000 * 1000000};
			if (wake == INT64_MAX) {
				pthread_cond_wait(&runner->tick, &runner->work_lock);
			} else {
				pthread_cond_timedwait(&runner->tick, &runner->work_lock, &ts);
			}
		}
	}
	pthread_mutex_unlock(&runner->work_lock);
	stat_attach(NULL);
	return NULL;
}

/* ---- the runner ---- */

struct group_runner *group_runner_new(struct broker *broker)
{
	struct group_runner *runner = mem_new(sizeof(*runner));
	runner->broker = broker;
	pthread_rwlock_init(&runner->table, NULL);
	pthread_mutex_init(&runner->work_lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&runner->work, &attr);
	pthread_cond_init(&runner->tick, &attr);
	pthread_condattr_destroy(&attr);
	list_init(&runner->to_load);
	list_init(&runner->to_resolve);
	list_init(&runner->gone);
	atomic_store(&runner->wake_ms, INT64_MAX);
	return runner;
}

enum weir_code group_runner_start(struct group_runner *runner, struct weir_err *err)
{
	int failed = pthread_create(&runner->ticker, NULL, ticker_run, runner);
	runner->started = !failed;
	while (!failed && runner->loader_count < GROUP_LOADERS) {
		failed = pthread_create(
			&runner->loaders[runner->loader_count], NULL, loader_run, runner);
		runner->loader_count += !failed;
	}
	return failed ? err_sys(err, failed, "start a thread") : WEIR_OK;
}

static void retire_all(struct group_runner *runner)
{
	pthread_rwlock_wrlock(&runner->table);
	struct group_shard **shards = runner->shards;
	int32_t count = runner->count;
	runner->shards = NULL;
	runner->count = 0;
	pthread_rwlock_unlock(&runner->table);
	for (int32_t i = 0; i < count; i++) {
		shard_retire(shards[i]);
		shards[i]->next_retired = runner->retired;
		runner->retired = shards[i];
	}
	mem_free(shards);
}

void group_runner_stop(struct group_runner *runner)
{
	pthread_mutex_lock(&runner->work_lock);
	runner->stopping = true;
	pthread_cond_broadcast(&runner->work);
	pthread_cond_broadcast(&runner->tick);
	pthread_mutex_unlock(&runner->work_lock);
	if (runner->started) {
		pthread_join(runner->ticker, NULL);
	}
	for (int i = 0; i < runner->loader_count; i++) {
		pthread_join(runner->loaders[i], NULL);
	}
	runner->started = false;
	runner->loader_count = 0;
	retire_all(runner);
}

void group_runner_free(struct group_runner **runner)
{
	struct group_runner *r = *runner;
	if (!r) {
		return;
	}
	retire_all(r);
	for (struct group_shard *shard; (shard = r->retired);) {
		r->retired = shard->next_retired;
		partition_unref(shard->partition);
		pthread_mutex_destroy(&shard->lock);
		mem_free(shard);
	}
	resolve_drop_all(r);
	for (struct gone_topic *gone; (gone = take_gone(r));) {
		gone_free(gone);
	}
	pthread_rwlock_destroy(&r->table);
	pthread_mutex_destroy(&r->work_lock);
	pthread_cond_destroy(&r->work);
	pthread_cond_destroy(&r->tick);
	MEM_FREE(runner);
}

static void add_shards(struct group_runner *runner, const struct image_topic *row)
{
	struct group_shard **shards =
		mem_array((size_t)row->partition_count, sizeof(struct group_shard *));
	for (int32_t i = 0; i < row->partition_count; i++) {
		struct weir_err err;
		struct partition *partition;
		enum weir_code code = topics_partition(broker_topics(runner->broker),
			slice_str(group_topic_name), i, &partition, &err);
		WEIR_ASSERT(code == WEIR_OK);
		shards[i] = shard_new(runner, i, partition);
	}
	pthread_rwlock_wrlock(&runner->table);
	runner->shards = shards;
	runner->count = row->partition_count;
	runner->topic_id = row->id;
	pthread_rwlock_unlock(&runner->table);
	for (int32_t i = 0; i < row->partition_count; i++) {
		if (!load_at_once(shards[i])) {
			load_queue(shards[i], 0);
		}
	}
}

static void add_gone(struct group_runner *runner, const char *name)
{
	struct gone_topic *gone = mem_new(sizeof(*gone));
	gone->name = mem_dup_str(name);
	pthread_mutex_lock(&runner->work_lock);
	list_append(&runner->gone, &gone->node);
	atomic_store(&runner->wake_ms, 0);
	pthread_cond_signal(&runner->tick);
	pthread_mutex_unlock(&runner->work_lock);
}

/* Both lists are sorted by name. */
static void note_gone(
	struct group_runner *runner, const struct image *before, const struct image *after)
{
	size_t j = 0;
	for (size_t i = 0; i < before->topic_count; i++) {
		const struct image_topic *was = before->topics[i];
		int order = -1;
		while (j < after->topic_count &&
			(order = strcmp(after->topics[j]->name, was->name)) < 0) {
			j++;
		}
		bool there = j < after->topic_count && order == 0 &&
			     uuid_equal(after->topics[j]->id, was->id);
		if (!there) {
			add_gone(runner, was->name);
		}
	}
}

void group_runner_apply(
	struct group_runner *runner, const struct image *before, const struct image *after)
{
	const struct image_topic *row = image_topic(after, slice_str(group_topic_name));
	bool same = row && runner->count == row->partition_count &&
		    uuid_equal(runner->topic_id, row->id);
	if (!same && runner->count) {
		retire_all(runner);
	}
	if (!same && row) {
		add_shards(runner, row);
	}
	if (before && runner->count) {
		note_gone(runner, before, after);
	}
}

enum weir_code group_topic_ensure(struct broker *broker, struct weir_err *err)
{
	struct group_runner *runner = broker->groups;
	pthread_rwlock_rdlock(&runner->table);
	bool there = runner->count > 0;
	pthread_rwlock_unlock(&runner->table);
	if (there) {
		return WEIR_OK;
	}
	const struct conf *conf = broker_conf(broker);
	char segment_bytes[16];
	snprintf(segment_bytes, sizeof(segment_bytes), "%d", conf->offsets_topic_segment_bytes);
	char compact[] = "compact", producer[] = "producer";
	char policy_key[] = "cleanup.policy", codec_key[] = "compression.type",
	     segment_key[] = "segment.bytes";
	struct image_config configs[] = {
		{policy_key, compact}, {codec_key, producer}, {segment_key, segment_bytes}};
	struct topic_plan plan = {
		.name = group_topic_name,
		.partition_count = conf->offsets_topic_num_partitions,
		.replication_factor = 1,
		.configs = configs,
		.config_count = sizeof(configs) / sizeof(configs[0]),
	};
	struct uuid id;
	enum weir_code code = topic_create(broker, &plan, false, &id, err);
	return code == WEIR_TOPIC_ALREADY_EXISTS ? WEIR_OK : code;
}
