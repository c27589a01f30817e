/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Partition directories that the metadata store does not know become topics: a directory that a
 * real Kafka wrote is served as it is. Ids come from partition.metadata; a directory without one
 * gets a new id, never a place out of sight. Settings come from the Kafka's own metadata log. But
 * those of a topic whose deletion a crash cut short go where the others of it went.
 */
#include "broker/broker_priv.h"
#include "broker/kafka_metadata.h"
#include "broker/topic_admin.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/store/leader_epochs.h"

struct found {
	char topic[250];
	int32_t partition_count;
	struct uuid id;
};

struct search {
	struct broker *broker;
	const struct image *image;
	struct found *found;
	size_t count;
};

static struct found *row_of(struct search *search, const char *topic)
{
	for (size_t i = search->count; i > 0; i--) {
		if (!strcmp(search->found[i - 1].topic, topic)) {
			return &search->found[i - 1];
		}
	}
	search->found = mem_grow(search->found, search->count + 1, sizeof(*search->found));
	struct found *row = &search->found[search->count++];
	*row = (struct found){.partition_count = 0};
	memcpy(row->topic, topic, strlen(topic) + 1);
	return row;
}

static enum weir_code see(void *arg, const char *name, bool is_dir, struct weir_err *err)
{
	struct search *search = arg;
	char topic[250];
	int32_t partition;
	if (!is_dir || !partition_dir_parse(name, topic, &partition) ||
		!strcmp(topic, "__cluster_metadata") ||
		image_topic(search->image, slice_str(topic))) {
		return WEIR_OK;
	}
	struct found *row = row_of(search, topic);
	if (partition >= row->partition_count) {
		row->partition_count = partition + 1;
	}
	char *dir = mem_printf("%s/%s", search->broker->data_dir, name);
	struct uuid id;
	enum weir_code code = partition_metadata_read(dir, &id, err);
	mem_free(dir);
	if (code == WEIR_NOT_FOUND) {
		return WEIR_OK;
	}
	if (code == WEIR_OK && !uuid_is_zero(row->id) && !uuid_equal(row->id, id)) {
		return err_set(err, WEIR_LOCAL_CORRUPT,
			"%s: partition.metadata has another topic id than the other partitions",
			name);
	}
	row->id = id;
	return code;
}

/* One above the last that the directory knows: this broker leads from now on. */
static int32_t next_epoch(struct broker *broker, const char *topic, int32_t partition)
{
	struct weir_err err;
	struct leader_epochs epochs = {.count = 0};
	char *dir = mem_printf("%s/%s-%d", broker->data_dir, topic, partition);
	if (leader_epochs_read(dir, &epochs, &err) != WEIR_OK) {
		log_line(LOG_WARN, "%s: %s", dir, err.text);
	}
	int32_t next = leader_epochs_last(&epochs) + 1;
	leader_epochs_fini(&epochs);
	mem_free(dir);
	return next;
}

/* Ids of the producers that wrote to it are taken. */
static enum weir_code reserve_ids(
	struct broker *broker, const char *topic, int32_t partition, struct weir_err *err)
{
	struct weir_err inner;
	int64_t largest;
	char *dir = mem_printf("%s/%s-%d", broker->data_dir, topic, partition);
	enum weir_code code = log_largest_producer_id(dir, &largest, &inner);
	mem_free(dir);
	if (code != WEIR_OK) {
		if (code != WEIR_NOT_FOUND) {
			log_line(LOG_WARN, "producers of %s-%d: %s", topic, partition, inner.text);
		}
		return WEIR_OK;
	}
	return largest < 0 ? WEIR_OK : image_producer_id_floor(broker->images, largest + 1, err);
}

struct settings {
	struct image_config *rows; /* keys and values are borrowed */
	size_t count;
};

/* Those of the topic that this broker takes; the others are named. */
static struct settings take_settings(
	struct broker *broker, const struct kafka_metadata *kafka, const char *name)
{
	static char retention_key[] = "retention.ms", forever[] = "-1";
	static char policy_key[] = "cleanup.policy", compact[] = "compact";
	const struct kafka_topic *topic = kafka_metadata_topic(kafka, name);
	struct settings settings = {.count = 0};
	struct weir_err err;
	settings.rows = mem_array(topic ? topic->config_count + 1 : 2, sizeof(*settings.rows));
	for (size_t i = 0; topic && i < topic->config_count; i++) {
		if (broker_check_topic_configs(broker, &topic->configs[i], 1, &err) == WEIR_OK) {
			settings.rows[settings.count++] = topic->configs[i];
		} else {
			log_line(LOG_WARN, "topic %s: setting %s=%s is left out: %s", name,
				topic->configs[i].key, topic->configs[i].value, err.text);
		}
	}
	if (!topic && topic_is_internal(slice_str(name))) {
		settings.rows[settings.count++] = (struct image_config){policy_key, compact};
	} else if (!topic) {
		/* Nobody knows what it was meant to keep: nothing goes until somebody says so. */
		settings.rows[settings.count++] = (struct image_config){retention_key, forever};
	}
	return settings;
}

static enum weir_code adopt_topic(struct broker *broker, const struct kafka_metadata *kafka,
	const struct found *row, struct weir_err *err)
{
	struct image_partition *rows = mem_array((size_t)row->partition_count, sizeof(*rows));
	enum weir_code code = WEIR_OK;
	for (int32_t i = 0; i < row->partition_count && code == WEIR_OK; i++) {
		code = reserve_ids(broker, row->topic, i, err);
		rows[i].leader_epoch = next_epoch(broker, row->topic, i);
		rows[i].leader = rows[i].replicas[0] = rows[i].isr[0] = broker->node_id;
		rows[i].replica_count = rows[i].isr_count = 1;
	}
	struct uuid id = row->id;
	struct settings settings = take_settings(broker, kafka, row->topic);
	if (code == WEIR_OK) {
		code = image_create_topic(broker->images, row->topic, &id, rows,
			row->partition_count, settings.rows, settings.count, err);
	}
	mem_free(settings.rows);
	mem_free(rows);
	if (code == WEIR_OK) {
		log_line(LOG_INFO, "topic %s with %d partitions found in the directory", row->topic,
			row->partition_count);
	}
	return code;
}

/* --- what a crash left of a topic's deletion --- */

struct gone {
	char *name;
	struct uuid id;
};

struct sweep {
	struct broker *broker;
	struct gone *gone;
	size_t count;
};

static enum weir_code note_gone(void *arg, const char *name, struct uuid id, struct weir_err *err)
{
	struct sweep *sweep = arg;
	(void)err;
	sweep->gone = mem_grow(sweep->gone, sweep->count + 1, sizeof(*sweep->gone));
	sweep->gone[sweep->count++] = (struct gone){mem_dup_str(name), id};
	return WEIR_OK;
}

static enum weir_code sweep_one(void *arg, const char *name, bool is_dir, struct weir_err *err)
{
	struct sweep *sweep = arg;
	char topic[250];
	int32_t partition;
	bool left = false;
	if (!is_dir || !partition_dir_parse(name, topic, &partition)) {
		return WEIR_OK;
	}
	struct uuid id = {{0}};
	char *dir = mem_printf("%s/%s", sweep->broker->data_dir, name);
	/* A directory that was only just made has no id yet, and nothing else. */
	enum weir_code known = partition_metadata_read(dir, &id, NULL);
	for (size_t i = 0; i < sweep->count && !left; i++) {
		left = known == WEIR_OK
			       ? uuid_equal(id, sweep->gone[i].id)
			       : known == WEIR_NOT_FOUND && !strcmp(topic, sweep->gone[i].name);
	}
	enum weir_code code = left ? log_delete_dir(dir, err) : WEIR_OK;
	mem_free(dir);
	return code;
}

static enum weir_code finish_deletions(struct broker *broker, struct weir_err *err)
{
	struct sweep sweep = {.broker = broker};
	enum weir_code code = image_each_gone(broker->images, note_gone, &sweep, err);
	if (code == WEIR_OK && sweep.count) {
		code = fs_list_dir(broker->data_dir, sweep_one, &sweep, err);
		code = code ? code : image_forget_gone(broker->images, err);
	}
	for (size_t i = 0; i < sweep.count; i++) {
		mem_free(sweep.gone[i].name);
	}
	mem_free(sweep.gone);
	return code;
}

enum weir_code adopt_directory(struct broker *broker, struct weir_err *err)
{
	enum weir_code code = finish_deletions(broker, err);
	if (code != WEIR_OK) {
		return code;
	}
	struct search search = {.broker = broker, .image = image_current(broker->images)};
	struct kafka_metadata kafka = {.next_producer_id = -1};
	code = fs_list_dir(broker->data_dir, see, &search, err);
	image_release(search.image);
	if (code == WEIR_OK && search.count) {
		code = kafka_metadata_read(broker->data_dir, &kafka, err);
	}
	if (code == WEIR_OK && kafka.next_producer_id > 0) {
		code = image_producer_id_floor(broker->images, kafka.next_producer_id, err);
	}
	for (size_t i = 0; code == WEIR_OK && i < search.count; i++) {
		code = adopt_topic(broker, &kafka, &search.found[i], err);
	}
	kafka_metadata_fini(&kafka);
	mem_free(search.found);
	return code;
}
