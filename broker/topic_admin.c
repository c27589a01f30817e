/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/topic_admin.h"

#include "broker/broker_priv.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/meta/topic_name.h"

char *request_name(struct request *req, struct slice name)
{
	if (!name.data || memchr(name.data, 0, name.len)) {
		return NULL;
	}
	return arena_try_dup(req->arena, name.data, name.len);
}

bool topic_is_internal(struct slice name)
{
	return slice_equal(name, slice_str("__consumer_offsets")) ||
	       slice_equal(name, slice_str("__transaction_state")) ||
	       slice_equal(name, slice_str("__share_group_state"));
}

enum { BROKERS = 1 }; /* that there are to hold replicas */

static enum weir_code check_counts(
	struct broker *broker, struct topic_plan *plan, struct weir_err *err)
{
	if (plan->partition_count == -1) {
		plan->partition_count = broker_conf(broker)->num_partitions;
	}
	if (plan->replication_factor == -1) {
		int32_t wanted = broker_conf(broker)->default_replication_factor;
		plan->replication_factor = (int16_t)(wanted < BROKERS ? wanted : BROKERS);
	}
	if (plan->partition_count < 1 || plan->partition_count > LIMIT_PARTITIONS_PER_TOPIC) {
		return err_set(err, WEIR_INVALID_PARTITIONS, "%d partitions is outside 1 to %d",
			plan->partition_count, LIMIT_PARTITIONS_PER_TOPIC);
	}
	if (plan->replication_factor < 1) {
		return err_set(err, WEIR_INVALID_REPLICATION_FACTOR,
			"replication factor %d is below 1", plan->replication_factor);
	}
	if (plan->replication_factor > BROKERS) {
		return err_set(err, WEIR_INVALID_REPLICATION_FACTOR,
			"replication factor %d is larger than the number of brokers, %d",
			plan->replication_factor, BROKERS);
	}
	return WEIR_OK;
}

/* count rows that this broker leads alone; mem_free. */
static struct image_partition *own_partitions(struct broker *broker, int32_t count)
{
	struct image_partition *rows = mem_array((size_t)count, sizeof(*rows));
	for (int32_t i = 0; i < count; i++) {
		rows[i].leader = broker_node_id(broker);
		rows[i].replicas[0] = rows[i].isr[0] = rows[i].leader;
		rows[i].replica_count = rows[i].isr_count = 1;
	}
	return rows;
}

static enum weir_code check_absent(struct broker *broker, const char *name, struct weir_err *err)
{
	const struct image *image = image_current(broker_images(broker));
	bool exists = image_topic(image, slice_str(name)) != NULL;
	image_release(image);
	if (exists) {
		return err_set(err, WEIR_TOPIC_ALREADY_EXISTS, "topic '%s' already exists", name);
	}
	return WEIR_OK;
}

enum weir_code topic_create(struct broker *broker, struct topic_plan *plan, bool validate_only,
	struct uuid *id, struct weir_err *err)
{
	*id = (struct uuid){{0}};
	enum weir_code code = topic_name_check(slice_str(plan->name), err);
	if (code == WEIR_OK) {
		code = check_absent(broker, plan->name, err);
	}
	if (code == WEIR_OK) {
		code = check_counts(broker, plan, err);
	}
	if (code == WEIR_OK) {
		code = broker_check_topic_configs(broker, plan->configs, plan->config_count, err);
	}
	if (code == WEIR_OK && validate_only) {
		*id = uuid_new(); /* Kafka gives one too */
	}
	if (code != WEIR_OK || validate_only) {
		return code;
	}
	struct image_partition *rows = own_partitions(broker, plan->partition_count);
	code = image_create_topic(broker_images(broker), plan->name, id, rows,
		plan->partition_count, plan->configs, plan->config_count, err);
	mem_free(rows);
	return code;
}

enum weir_code topic_grow(struct broker *broker, const char *name, int32_t count,
	bool validate_only, struct weir_err *err)
{
	const struct image *image = image_current(broker_images(broker));
	const struct image_topic *topic = image_topic(image, slice_str(name));
	enum weir_code code = WEIR_OK;
	int32_t have = topic ? topic->partition_count : 0;
	if (!topic) {
		code = err_set(
			err, WEIR_UNKNOWN_TOPIC_OR_PARTITION, "topic '%s' does not exist", name);
	} else if (count <= have) {
		code = err_set(err, WEIR_INVALID_PARTITIONS,
			"topic '%s' has %d partitions, the new total must be higher than that, not "
			"%d",
			name, have, count);
	} else if (count > LIMIT_PARTITIONS_PER_TOPIC) {
		code = err_set(err, WEIR_INVALID_PARTITIONS, "%d partitions is more than %d", count,
			LIMIT_PARTITIONS_PER_TOPIC);
	}
	image_release(image);
	if (code != WEIR_OK || validate_only) {
		return code;
	}
	struct image_partition *rows = own_partitions(broker, count - have);
	code = image_add_partitions(broker_images(broker), name, rows, count - have, err);
	mem_free(rows);
	return code;
}
