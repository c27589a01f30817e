/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Start: lock, who am I (meta.properties, metadata store), was the last stop clean, adopt what is
 * on disk and unknown, serve the topics, recover when unclean. Stop: nobody new, connections
 * closed, flushes worked off, logs closed, checkpoints, then the clean-shutdown marker, last.
 */
#include "broker/broker_priv.h"

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/io/http_serve.h"

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

enum { REACTORS_AUTO_MAX = 4 };

static char *path_in(const struct broker *broker, const char *name)
{
	return mem_printf("%s/%s", broker->data_dir, name);
}

static enum weir_code lock_dir(struct broker *broker, struct weir_err *err)
{
	enum weir_code code = fs_mkdirs(broker->data_dir, err);
	if (code == WEIR_OK) {
		char *path = path_in(broker, ".lock");
		code = fs_lock(path, &broker->lock_fd, err);
		mem_free(path);
	}
	return code;
}

/* The directory's node id stands, unless the configuration names another. */
static enum weir_code settle_node_id(
	struct broker *broker, int32_t of_directory, struct weir_err *err)
{
	const struct conf_row *row = conf_row_find(CONF_BROKER, "node.id");
	if (conf_source(broker_conf(broker), row) != CONF_FROM_DEFAULT &&
		broker->node_id != of_directory) {
		return err_set(err, WEIR_INVALID_CONFIG, "node.id is %d, but %s belongs to node %d",
			broker->node_id, broker->data_dir, of_directory);
	}
	broker->node_id = of_directory;
	return WEIR_OK;
}

/*
 * The cluster id lives in the metadata store and in meta.properties: the first start takes it from
 * a Kafka's file when there is one; later the two must agree.
 */
static enum weir_code settle_identity(struct broker *broker, struct weir_err *err)
{
	struct meta_properties props;
	char *path = path_in(broker, "weir.meta");
	enum weir_code have = meta_properties_read(broker->data_dir, &props, err);
	if (have != WEIR_OK && have != WEIR_NOT_FOUND) {
		mem_free(path);
		return have;
	}
	enum weir_code code = meta_open_lmdb(path, &broker->meta, err);
	mem_free(path);
	if (code == WEIR_OK && have == WEIR_OK) {
		code = image_propose_cluster_id(broker->meta, props.cluster_id, err);
		if (code == WEIR_OK) {
			code = settle_node_id(broker, props.node_id, err);
		}
	}
	if (code == WEIR_OK) {
		code = image_store_open(broker->meta, broker->node_id, &broker->images, err);
	}
	if (code != WEIR_OK) {
		return code;
	}
	const char *id = broker_cluster_id(broker);
	if (have == WEIR_OK) {
		return !strcmp(id, props.cluster_id)
			       ? WEIR_OK
			       : err_set(err, WEIR_LOCAL_CORRUPT,
					 "%s: meta.properties names cluster %s, the metadata store "
					 "%s",
					 broker->data_dir, props.cluster_id, id);
	}
	props = (struct meta_properties){.node_id = broker->node_id, .directory_id = uuid_new()};
	snprintf(props.cluster_id, sizeof(props.cluster_id), "%s", id);
	return meta_properties_write(broker->data_dir, &props, err);
}

static enum weir_code read_checkpoints(struct broker *broker, struct weir_err *err)
{
	char *path = path_in(broker, CHECKPOINT_RECOVERY);
	enum weir_code code = checkpoint_read(path, &broker->recovery_points, err);
	mem_free(path);
	path = path_in(broker, CHECKPOINT_LOG_START);
	if (code == WEIR_OK) {
		code = checkpoint_read(path, &broker->log_starts, err);
	}
	mem_free(path);
	return code;
}

int64_t broker_checkpointed(
	const struct broker *broker, const char *which, const char *topic, int32_t partition)
{
	bool recovery = !strcmp(which, CHECKPOINT_RECOVERY);
	int64_t offset = checkpoint_find(
		recovery ? &broker->recovery_points : &broker->log_starts, topic, partition);
	return offset < 0 ? 0 : offset;
}

struct checkpoints {
	struct checkpoint recovery, log_start, watermark;
};

static void add_checkpoint(void *arg, struct partition *p)
{
	struct checkpoints *all = arg;
	const char *topic = p->topic->name;
	pthread_rwlock_rdlock(&p->use);
	int64_t recovery, start, watermark;
	if (p->log) {
		recovery = log_flushed_offset(p->log);
		start = log_start_offset(p->log);
		watermark = atomic_load(&p->high_watermark);
	} else {
		recovery = broker_checkpointed(p->broker, CHECKPOINT_RECOVERY, topic, p->index);
		start = broker_checkpointed(p->broker, CHECKPOINT_LOG_START, topic, p->index);
		watermark = recovery;
	}
	pthread_rwlock_unlock(&p->use);
	checkpoint_add(&all->recovery, topic, p->index, recovery);
	checkpoint_add(&all->log_start, topic, p->index, start);
	checkpoint_add(&all->watermark, topic, p->index, watermark);
}

/* FNV-1a, to see whether anything changed. */
static uint64_t hash_of(const struct checkpoint *checkpoint)
{
	uint64_t hash = 0xcbf29ce484222325;
	for (size_t i = 0; i < checkpoint->count; i++) {
		const struct checkpoint_entry *e = &checkpoint->entries[i];
		for (const char *c = e->topic; *c; c++) {
			hash = (hash ^ (uint8_t)*c) * 0x100000001b3;
		}
		hash = (hash ^ (uint64_t)(uint32_t)e->partition) * 0x100000001b3;
		hash = (hash ^ (uint64_t)e->offset) * 0x100000001b3;
	}
	return hash;
}

static enum weir_code write_one(struct broker *broker, const char *name,
	struct checkpoint *checkpoint, uint64_t *last, struct weir_err *err)
{
	uint64_t hash = hash_of(checkpoint);
	if (hash == *last) {
		return WEIR_OK;
	}
	char *path = path_in(broker, name);
	enum weir_code code = checkpoint_write(path, checkpoint, err);
	mem_free(path);
	if (code == WEIR_OK) {
		*last = hash;
	}
	return code;
}

enum weir_code broker_checkpoint(struct broker *broker, unsigned which, struct weir_err *err)
{
	struct checkpoints all = {.recovery = {NULL, 0}};
	enum weir_code code = WEIR_OK;
	pthread_mutex_lock(&broker->checkpoint_lock);
	topics_each(&broker->topics, add_checkpoint, &all);
	if (which & CHECKPOINT_STARTS) {
		code = write_one(broker, CHECKPOINT_LOG_START, &all.log_start,
			&broker->checkpointed[0], err);
	}
	if (code == WEIR_OK && (which & CHECKPOINT_RECOVERIES)) {
		code = write_one(
			broker, CHECKPOINT_RECOVERY, &all.recovery, &broker->checkpointed[1], err);
	}
	if (code == WEIR_OK && (which & CHECKPOINT_WATERMARKS)) {
		code = write_one(broker, CHECKPOINT_HIGH_WATERMARK, &all.watermark,
			&broker->checkpointed[2], err);
	}
	pthread_mutex_unlock(&broker->checkpoint_lock);
	checkpoint_fini(&all.recovery);
	checkpoint_fini(&all.log_start);
	checkpoint_fini(&all.watermark);
	return code;
}

static bool configs_differ(const struct image *a, const struct image *b)
{
	if (a->broker_default_count != b->broker_default_count ||
		a->broker_self_count != b->broker_self_count) {
		return true;
	}
	for (size_t i = 0; i < a->broker_default_count; i++) {
		if (strcmp(a->broker_default[i].key, b->broker_default[i].key) ||
			strcmp(a->broker_default[i].value, b->broker_default[i].value)) {
			return true;
		}
	}
	for (size_t i = 0; i < a->broker_self_count; i++) {
		if (strcmp(a->broker_self[i].key, b->broker_self[i].key) ||
			strcmp(a->broker_self[i].value, b->broker_self[i].value)) {
			return true;
		}
	}
	return false;
}

static void on_image(void *arg, const struct image *before, const struct image *after)
{
	struct broker *broker = arg;
	topics_apply(&broker->topics, before, after);
	group_runner_apply(broker->groups, before, after);
	if (configs_differ(before, after)) {
		broker_apply_dynamic(broker, after);
	}
}

static const char *api_name(size_t key)
{
	const struct wire_api *api = wire_api((int16_t)key);
	return api ? api->name : NULL;
}

/* The settings, which name the directory also when the caller chose it. Counted. */
static const struct conf *conf_with_dir(const struct broker_options *options)
{
	if (conf_data_dirs(options->conf)->count || strchr(options->data_dir, ',')) {
		conf_ref(options->conf);
		return options->conf;
	}
	struct conf *conf = conf_copy(options->conf);
	(void)!conf_set(conf, "log.dirs", options->data_dir, CONF_FROM_STATIC, NULL);
	return conf;
}

static void init(struct broker *broker, const struct broker_options *options)
{
	broker->data_dir = mem_dup_str(options->data_dir);
	broker->lock_fd = -1;
	atomic_store(&broker->conf, conf_with_dir(options));
	broker->node_id = options->conf->node_id;
	producer_ids_init(&broker->producer_ids);
	cleaner_init(&broker->cleaner);
	topics_init(&broker->topics, broker);
	flush_pool_init(&broker->flush, broker);
	broker->stat = stat_new();
	broker->fetch_sessions = fetch_sessions_new();
	stat_name_labels(broker->stat, STAT_requests, api_name);
	stat_name_labels(broker->stat, STAT_request_errors, api_name);
	stat_name_labels(broker->stat, STAT_request_time, api_name);
	broker->groups = group_runner_new(broker);
	map_init(&broker->conns_by_host);
	pthread_mutex_init(&broker->conn_lock, NULL);
	pthread_mutex_init(&broker->state_lock, NULL);
	pthread_mutex_init(&broker->checkpoint_lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&broker->state_changed, &attr);
	pthread_condattr_destroy(&attr);
}

static void fini(struct broker **broker)
{
	struct broker *b = *broker;
	group_runner_free(&b->groups);
	flush_pool_fini(&b->flush);
	topics_fini(&b->topics);
	producer_ids_fini(&b->producer_ids);
	cleaner_fini(&b->cleaner);
	image_store_close(&b->images);
	meta_close(&b->meta);
	checkpoint_fini(&b->recovery_points);
	checkpoint_fini(&b->log_starts);
	map_fini(&b->conns_by_host);
	stat_free(&b->stat);
	fetch_sessions_free(&b->fetch_sessions);
	for (size_t i = 0; i < b->retired_count; i++) {
		conf_unref(b->retired[i].conf);
	}
	mem_free(b->retired);
	conf_unref(atomic_load(&b->conf));
	fs_close(&b->lock_fd);
	pthread_mutex_destroy(&b->conn_lock);
	pthread_mutex_destroy(&b->state_lock);
	pthread_mutex_destroy(&b->checkpoint_lock);
	pthread_cond_destroy(&b->state_changed);
	mem_free(b->reactors);
	mem_free(b->data_dir);
	MEM_FREE(broker);
}

static enum weir_code open_topics(struct broker *broker, struct weir_err *err)
{
	enum weir_code code = adopt_directory(broker, err);
	if (code != WEIR_OK) {
		return code;
	}
	const struct image *image = image_current(broker->images);
	struct image nothing = {.revision = 0};
	if (configs_differ(&nothing, image)) {
		broker_apply_dynamic(broker, image);
	}
	topics_apply(&broker->topics, NULL, image);
	group_runner_apply(broker->groups, NULL, image);
	image_release(image);
	image_store_on_change(broker->images, on_image, broker);
	return broker->was_clean ? WEIR_OK : recover_all(broker, err);
}

enum weir_code broker_open(
	const struct broker_options *options, struct broker **out, struct weir_err *err)
{
	struct broker *broker = mem_new(sizeof(*broker));
	init(broker, options);
	enum weir_code code = lock_dir(broker, err);
	if (code == WEIR_OK) {
		code = settle_identity(broker, err);
	}
	if (code == WEIR_OK) {
		code = clean_shutdown_take(broker->data_dir, &broker->was_clean, err);
	}
	if (code == WEIR_OK) {
		code = read_checkpoints(broker, err);
	}
	if (code == WEIR_OK) {
		code = cleaner_read(broker, err);
	}
	if (code == WEIR_OK) {
		code = open_topics(broker, err);
	}
	if (code == WEIR_OK) {
		code = cleaner_opened(broker, err);
	}
	if (code != WEIR_OK) {
		fini(&broker);
		return code;
	}
	*out = broker;
	return WEIR_OK;
}

static int reactors_wanted(const struct broker *broker)
{
	int wanted = atomic_load(&broker->conf)->num_network_threads;
	if (wanted > 0) {
		return wanted < REACTORS_MAX ? wanted : REACTORS_MAX;
	}
	/* Those this process may use; more than the set holds: enough of them. */
	cpu_set_t set;
	int cores =
		sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : REACTORS_AUTO_MAX;
	return cores < 1 ? 1 : cores > REACTORS_AUTO_MAX ? REACTORS_AUTO_MAX : cores;
}

enum weir_code broker_start(struct broker *broker, struct weir_err *err)
{
	int wanted = reactors_wanted(broker);
	broker->reactors = mem_array((size_t)wanted, sizeof(*broker->reactors));
	for (int i = 0; i < wanted; i++) {
		enum weir_code code = reactor_start(broker, &broker->reactors[i], err);
		broker->reactor_count = i + 1;
		if (code != WEIR_OK) {
			return code;
		}
	}
	int failed = pthread_create(&broker->housekeeper, NULL, housekeeper_run, broker);
	if (failed) {
		return err_sys(err, failed, "start a thread");
	}
	broker->started = true;
	enum weir_code code = cleaner_start(broker, err);
	return code != WEIR_OK ? code : group_runner_start(broker->groups, err);
}

void broker_flush_soon(struct broker *broker, struct partition *partition)
{
	flush_pool_add(&broker->flush, partition, FLUSH_NOW);
}

void broker_fail(struct broker *broker, const struct weir_err *err)
{
	pthread_mutex_lock(&broker->state_lock);
	if (broker->fault.code == WEIR_OK) {
		broker->fault = *err;
		log_line(LOG_ERROR, "stopping: %s", err->text);
	}
	pthread_mutex_unlock(&broker->state_lock);
	broker_stop(broker);
}

void broker_stop(struct broker *broker)
{
	pthread_mutex_lock(&broker->state_lock);
	broker->stopping = true;
	pthread_cond_broadcast(&broker->state_changed);
	pthread_mutex_unlock(&broker->state_lock);
}

enum weir_code broker_wait(struct broker *broker, struct weir_err *err)
{
	pthread_mutex_lock(&broker->state_lock);
	while (!broker->stopping) {
		pthread_cond_wait(&broker->state_changed, &broker->state_lock);
	}
	enum weir_code code = broker->fault.code;
	if (code != WEIR_OK) {
		*err = broker->fault;
	}
	pthread_mutex_unlock(&broker->state_lock);
	return code;
}

struct close_all {
	enum weir_code code;
	struct weir_err err; /* the first */
};

static void close_partition(void *arg, struct partition *p)
{
	struct close_all *all = arg;
	struct weir_err err;
	enum weir_code code = partition_close(p, &err);
	if (code != WEIR_OK && all->code == WEIR_OK) {
		all->code = code;
		all->err = err;
	}
}

static void stop_threads(struct broker *broker)
{
	broker_stop(broker);
	http_serve_stop(&broker->metrics_server);
	for (int i = 0; i < broker->reactor_count; i++) {
		reactor_close_conns(&broker->reactors[i]);
	}
	cleaner_stop(broker);
	if (broker->started) {
		pthread_join(broker->housekeeper, NULL);
	}
}

enum weir_code broker_close(struct broker **out, struct weir_err *err)
{
	struct broker *broker = *out;
	stop_threads(broker);
	group_runner_stop(broker->groups);
	flush_pool_fini(&broker->flush);
	flush_pool_init(&broker->flush, broker);
	struct weir_err ignored;
	struct close_all all = {.code = WEIR_OK};
	bool faulty = broker_wait(broker, &ignored) != WEIR_OK;
	enum weir_code code =
		faulty ? WEIR_OK
		       : broker_checkpoint(broker,
				 CHECKPOINT_STARTS | CHECKPOINT_RECOVERIES | CHECKPOINT_WATERMARKS,
				 err);
	topics_each(&broker->topics, close_partition, &all);
	for (int i = 0; i < broker->reactor_count; i++) {
		reactor_stop(&broker->reactors[i]);
	}
	if (!faulty && code == WEIR_OK && all.code != WEIR_OK) {
		*err = all.err;
		code = all.code;
	}
	/* A log that failed to close, or a disk that failed, must be recovered at the next start.
	 */
	if (!faulty && code == WEIR_OK) {
		code = clean_shutdown_write(broker->data_dir, err);
	}
	fini(out);
	return code;
}

const char *broker_cluster_id(const struct broker *broker)
{
	const struct image *image = image_current(broker->images);
	/* The id never changes, and the store keeps a current image that has it. */
	static _Thread_local char id[64];
	snprintf(id, sizeof(id), "%s", image->cluster_id);
	image_release(image);
	return id;
}
