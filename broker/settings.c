/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From settings as text (configuration file, metadata image) to what the request path reads. */
#include "broker/broker_priv.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/record/validate.h"

static void fill(const struct topic_conf *from, struct topic_settings *to)
{
	*to = (struct topic_settings){.flush_messages = from->flush_messages,
		.flush_ms = from->flush_ms,
		.min_insync_replicas = from->min_insync_replicas,
		.min_cleanable_dirty_ratio = from->min_cleanable_dirty_ratio,
		.delete_allowed = from->cleanup_policy & (1u << CONF_CLEANUP_DELETE)};
	to->log = (struct log_conf){
		.segment_bytes = topic_conf_roll_bytes(from),
		.segment_ms = from->segment_ms,
		.segment_jitter_ms = from->segment_jitter_ms,
		.segment_index_bytes = from->segment_index_bytes,
		.index_interval_bytes = from->index_interval_bytes,
		.retention_ms = from->retention_ms,
		.retention_bytes = from->retention_bytes,
		.file_delete_delay_ms = from->file_delete_delay_ms,
		.preallocate = from->preallocate,
		.cleanup_delete = to->delete_allowed,
		.compacted = from->cleanup_policy & (1u << CONF_CLEANUP_COMPACT),
		.delete_retention_ms = from->delete_retention_ms,
		.min_compaction_lag_ms = from->min_compaction_lag_ms,
		.max_compaction_lag_ms = from->max_compaction_lag_ms,
	};
	/* What is in the active segment cannot be compacted: it must end in time. */
	if (to->log.compacted && to->log.max_compaction_lag_ms < to->log.segment_ms) {
		to->log.segment_ms = to->log.max_compaction_lag_ms;
	}
	to->rules = (struct record_rules){
		.compacted = from->cleanup_policy & (1u << CONF_CLEANUP_COMPACT),
		.append_time = from->message_timestamp_type == CONF_TIMESTAMP_APPEND,
		.keep_codec = from->compression_type == CONF_COMPRESSION_PRODUCER,
		.before_max_ms = from->message_timestamp_before_max_ms,
		.after_max_ms = from->message_timestamp_after_max_ms,
		.max_message_bytes = from->max_message_bytes,
		.target = CODEC_NONE,
		.level = CODEC_LEVEL_DEFAULT,
		.unpack_cap = LIMIT_DECOMPRESSED_DEFAULT,
	};
	switch (from->compression_type) {
	case CONF_COMPRESSION_GZIP:
		to->rules.level = from->compression_gzip_level;
		break;
	case CONF_COMPRESSION_LZ4:
		/* Kafka's default, 9, stands for the fast compressor; the others are levels of the
		 * slow one. */
		to->rules.level = from->compression_lz4_level == 9 ? CODEC_LEVEL_DEFAULT
								   : from->compression_lz4_level;
		break;
	case CONF_COMPRESSION_ZSTD:
		to->rules.level = from->compression_zstd_level;
		break;
	default:
		break;
	}
	if (!to->rules.keep_codec) {
		to->rules.target = (enum codec)from->compression_type;
	}
}

static enum weir_code resolve(struct broker *broker, const struct image_config *configs,
	size_t count, struct topic_conf *topic, struct weir_err *err)
{
	topic_conf_init(topic, broker_conf(broker));
	for (size_t i = 0; i < count; i++) {
		enum weir_code code = topic_conf_set(topic, configs[i].key, configs[i].value, err);
		if (code != WEIR_OK) {
			return code;
		}
	}
	return topic_conf_validate(topic, err);
}

void broker_topic_settings(
	struct broker *broker, const struct image_topic *row, struct topic_settings *settings)
{
	struct weir_err err;
	struct topic_conf topic;
	if (resolve(broker, row->configs, row->config_count, &topic, &err) != WEIR_OK) {
		/* Was legal when it was set: an older or another broker's. What is legal counts. */
		log_line(LOG_WARN, "topic %s: %s", row->name, err.text);
	}
	fill(&topic, settings);
	settings->log.producer_id_expiration_ms = broker_conf(broker)->producer_id_expiration_ms;
	settings->log.verify_on_read = broker_conf(broker)->verify_on_read != CONF_VERIFY_NEVER;
	topic_conf_fini(&topic);
}

enum weir_code broker_check_topic_configs(struct broker *broker, const struct image_config *configs,
	size_t count, struct weir_err *err)
{
	struct topic_conf topic;
	enum weir_code code = resolve(broker, configs, count, &topic, err);
	topic_conf_fini(&topic);
	return code;
}

static bool set_all(struct conf *conf, const struct image_config *configs, size_t count,
	enum conf_source source)
{
	for (size_t i = 0; i < count; i++) {
		struct weir_err err;
		if (conf_set(conf, configs[i].key, configs[i].value, source, &err) != WEIR_OK) {
			log_line(LOG_WARN, "dynamic setting %s: %s", configs[i].key, err.text);
		}
	}
	return count > 0;
}

/* Clears what was set at run time and sets what the image says now. */
static struct conf *rebuilt(const struct conf *old, const struct image *image)
{
	static const enum conf_source sources[] = {CONF_FROM_BROKER, CONF_FROM_BROKER_DEFAULT};
	struct conf *conf = conf_copy(old);
	const struct conf_row *row;
	for (size_t s = 0; s < 2; s++) {
		for (size_t i = 0; (row = conf_row_at(CONF_BROKER, i)); i++) {
			if (row->update != CONF_READ_ONLY && !row->alias_of &&
				conf_text(conf, row, sources[s])) {
				(void)!conf_set(conf, row->name, NULL, sources[s], NULL);
			}
		}
	}
	set_all(conf, image->broker_default, image->broker_default_count, CONF_FROM_BROKER_DEFAULT);
	set_all(conf, image->broker_self, image->broker_self_count, CONF_FROM_BROKER);
	return conf;
}

void broker_apply_dynamic(struct broker *broker, const struct image *image)
{
	struct conf *conf = rebuilt(broker_conf(broker), image);
	const struct conf *old = atomic_exchange(&broker->conf, conf);
	pthread_mutex_lock(&broker->state_lock);
	broker->retired =
		mem_grow(broker->retired, broker->retired_count + 1, sizeof(*broker->retired));
	broker->retired[broker->retired_count].conf = old;
	broker->retired[broker->retired_count++].since_ms = clock_mono_ms();
	pthread_mutex_unlock(&broker->state_lock);
	for (size_t i = 0; i < image->topic_count; i++) {
		topics_refresh(&broker->topics, image->topics[i]);
	}
}
