/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CreateTopics, DeleteTopics, CreatePartitions. Each topic of a request succeeds or fails on its
 * own. */
#include "broker/broker_priv.h"
#include "broker/repeats.h"
#include "broker/topic_admin.h"
#include "core/base/mem.h"

enum { REQUEST_PARTITIONS_MAX = 10000 }; /* Kafka's own bound on one CreateTopics */

typedef struct create_topics_request_creatable_topic create_ask;
typedef struct create_topics_response_creatable_topic_result create_answer;

/* By hand: partitions 0..n-1, each on this one broker. Sets the counts. */
static enum weir_code check_assignment(
	struct broker *broker, const create_ask *ask, struct topic_plan *plan, struct weir_err *err)
{
	int32_t count = ask->assignments_count;
	if (ask->num_partitions != -1 || ask->replication_factor != -1) {
		return err_set(err, WEIR_INVALID_REQUEST,
			"with an assignment by hand, partitions and replication factor must be -1");
	}
	bool *seen = mem_array((size_t)count, sizeof(*seen));
	enum weir_code code = WEIR_OK;
	for (int32_t i = 0; code == WEIR_OK && i < count; i++) {
		const struct create_topics_request_creatable_replica_assignment *row =
			&ask->assignments[i];
		if (row->partition_index < 0 || row->partition_index >= count ||
			seen[row->partition_index]) {
			code = err_set(err, WEIR_INVALID_REPLICA_ASSIGNMENT,
				"partitions must be 0 to %d, each once", count - 1);
		} else if (row->broker_ids_count != 1 ||
			   row->broker_ids[0] != broker_node_id(broker)) {
			code = err_set(err, WEIR_INVALID_REPLICA_ASSIGNMENT,
				"partition %d is assigned to brokers that do not exist",
				row->partition_index);
		} else {
			seen[row->partition_index] = true;
		}
	}
	mem_free(seen);
	plan->partition_count = count;
	plan->replication_factor = 1;
	return code;
}

static enum weir_code read_configs(
	struct request *req, const create_ask *ask, struct topic_plan *plan, struct weir_err *err)
{
	struct image_config *configs =
		request_array(req, (size_t)ask->configs_count, sizeof(*configs));
	for (int32_t i = 0; i < ask->configs_count; i++) {
		configs[i].key = request_name(req, ask->configs[i].name);
		configs[i].value = request_name(req, ask->configs[i].value);
		if (!configs[i].key || !configs[i].value) {
			return err_set(err, WEIR_INVALID_CONFIG,
				"null value for topic setting '%.*s'",
				(int)ask->configs[i].name.len, ask->configs[i].name.data);
		}
	}
	plan->configs = configs;
	plan->config_count = (size_t)ask->configs_count;
	return WEIR_OK;
}

static enum weir_code create_one(struct request *req, const create_ask *ask,
	struct topic_plan *plan, struct uuid *id, struct weir_err *err)
{
	const struct create_topics_request *body = req->body;
	*plan = (struct topic_plan){.name = request_name(req, ask->name),
		.partition_count = ask->num_partitions,
		.replication_factor = ask->replication_factor};
	if (!plan->name) {
		return err_set(err, WEIR_INVALID_TOPIC_EXCEPTION, "topic name is not legal");
	}
	if (!strcmp(plan->name, "__cluster_metadata")) {
		return err_set(err, WEIR_INVALID_REQUEST, "%s is no topic to create", plan->name);
	}
	enum weir_code code = WEIR_OK;
	if (ask->assignments_count > 0) {
		code = check_assignment(req->broker, ask, plan, err);
	}
	if (code == WEIR_OK) {
		code = read_configs(req, ask, plan, err);
	}
	return code != WEIR_OK ? code
			       : topic_create(req->broker, plan, body->validate_only, id, err);
}

/* Partitions that the request asks for in all. */
static int64_t partitions_asked(const struct request *req)
{
	const struct create_topics_request *body = req->body;
	int64_t sum = 0;
	for (int32_t i = 0; i < body->topics_count; i++) {
		const create_ask *ask = &body->topics[i];
		if (ask->assignments_count > 0) {
			sum += ask->assignments_count;
		} else if (ask->num_partitions > 0) {
			sum += ask->num_partitions;
		} else {
			sum += broker_conf(req->broker)->num_partitions;
		}
	}
	return sum;
}

static void create_row(struct request *req, const create_ask *ask, bool repeated, bool too_many,
	create_answer *answer)
{
	struct topic_plan plan;
	struct weir_err err = {.text = ""};
	enum weir_code code;
	wire_part_defaults(&create_topics_response_creatable_topic_result_part, answer);
	answer->name = ask->name;
	answer->configs = request_array(req, 0, sizeof(*answer->configs));
	if (too_many) {
		code = err_set(&err, WEIR_POLICY_VIOLATION,
			"the request asks for more than %d partitions", REQUEST_PARTITIONS_MAX);
	} else if (repeated) {
		code = err_set(&err, WEIR_INVALID_REQUEST, "the request names the topic twice");
	} else {
		code = create_one(req, ask, &plan, &answer->topic_id, &err);
	}
	answer->error_code = (int16_t)err_to_wire(code);
	if (code != WEIR_OK) {
		answer->topic_id = (struct uuid){{0}};
		answer->error_message = request_text(req, err.text);
		return;
	}
	answer->error_message = (struct slice){NULL, 0};
	answer->num_partitions = plan.partition_count;
	answer->replication_factor = plan.replication_factor;
	configs_of_new_topic(req, &plan, answer);
}

void handle_create_topics(struct request *req)
{
	const struct create_topics_request *body = req->body;
	struct create_topics_response response;
	struct repeats repeats;
	wire_defaults(&create_topics_response_message, &response);
	response.topics = request_array(req, (size_t)body->topics_count, sizeof(*response.topics));
	repeats_init(&repeats, req, (size_t)body->topics_count);
	for (int32_t i = 0; i < body->topics_count; i++) {
		repeats_add(&repeats, body->topics[i].name);
	}
	repeats_fini(&repeats);
	bool too_many = partitions_asked(req) > REQUEST_PARTITIONS_MAX;
	for (int32_t i = 0; i < body->topics_count; i++) {
		if (repeats_first(&repeats, (size_t)i)) {
			create_row(req, &body->topics[i], repeats_again(&repeats, (size_t)i),
				too_many, &response.topics[response.topics_count++]);
		}
	}
	request_send(req, &response);
}

/* Name of the topic asked for by name or id; NULL text and a code when there is none. */
static enum weir_code resolve(struct request *req, struct slice name, struct uuid id, char **found)
{
	const struct image *image = image_current(broker_images(req->broker));
	bool by_id = !name.data;
	const struct image_topic *topic =
		by_id ? image_topic_by_id(image, id) : image_topic(image, name);
	*found = topic ? arena_printf(req->arena, "%s", topic->name) : NULL;
	image_release(image);
	return *found ? WEIR_OK : by_id ? WEIR_UNKNOWN_TOPIC_ID : WEIR_UNKNOWN_TOPIC_OR_PARTITION;
}

static enum weir_code delete_one(struct request *req, struct slice name, struct uuid id,
	struct delete_topics_response_deletable_topic_result *answer, struct weir_err *err)
{
	char *found;
	if (name.data && !uuid_is_zero(id)) {
		return err_set(err, WEIR_INVALID_REQUEST, "name and id are both given");
	}
	if (!name.data && uuid_is_zero(id)) {
		return err_set(err, WEIR_INVALID_REQUEST, "neither name nor id is given");
	}
	enum weir_code code = resolve(req, name, id, &found);
	if (code != WEIR_OK) {
		return err_set(err, code, "%s", err_info(code)->text);
	}
	answer->name = request_text(req, found);
	if (!broker_conf(req->broker)->delete_topic_enable) {
		return err_set(err, WEIR_TOPIC_DELETION_DISABLED, "delete.topic.enable is false");
	}
	return image_delete_topic(broker_images(req->broker), found, err);
}

/* Name and id of the i-th topic asked for; versions below 6 have names alone. */
static struct slice delete_ask(const struct request *req, int32_t i, struct uuid *id)
{
	const struct delete_topics_request *body = req->body;
	if (req->header.version < 6) {
		*id = (struct uuid){{0}};
		return body->topic_names[i];
	}
	*id = body->topics[i].topic_id;
	return body->topics[i].name;
}

static void find_delete_repeats(struct request *req, int32_t count, struct repeats *repeats)
{
	repeats_init(repeats, req, (size_t)count);
	for (int32_t i = 0; i < count; i++) {
		struct uuid id;
		struct slice name = delete_ask(req, i, &id);
		bool none = !name.data && uuid_is_zero(id); /* each its own mistake */
		repeats_add(repeats, name.data ? name
				     : none    ? slice_of(&i, sizeof(i))
					       : slice_of(id.bytes, sizeof(id.bytes)));
	}
	repeats_fini(repeats);
}

void handle_delete_topics(struct request *req)
{
	const struct delete_topics_request *body = req->body;
	struct delete_topics_response response;
	struct repeats repeats;
	wire_defaults(&delete_topics_response_message, &response);
	bool old = req->header.version < 6;
	int32_t count = old ? body->topic_names_count : body->topics_count;
	response.responses = request_array(req, (size_t)count, sizeof(*response.responses));
	find_delete_repeats(req, count, &repeats);
	for (int32_t i = 0; i < count; i++) {
		if (!repeats_first(&repeats, (size_t)i)) {
			continue;
		}
		struct delete_topics_response_deletable_topic_result *answer =
			&response.responses[response.responses_count++];
		struct weir_err err = {.text = ""};
		struct uuid id;
		struct slice name = delete_ask(req, i, &id);
		answer->name = name;
		answer->topic_id = id;
		enum weir_code code = repeats_again(&repeats, (size_t)i)
					      ? err_set(&err, WEIR_INVALID_REQUEST,
							"the request names the topic twice")
					      : delete_one(req, name, id, answer, &err);
		answer->error_code = (int16_t)err_to_wire(code);
		if (code != WEIR_OK) {
			answer->error_message = request_text(req, err.text);
		}
	}
	request_send(req, &response);
}

typedef struct create_partitions_request_create_partitions_topic grow_ask;

static enum weir_code grow_one(struct request *req, const grow_ask *ask, struct weir_err *err)
{
	const struct create_partitions_request *body = req->body;
	char *name;
	if (resolve(req, ask->name, (struct uuid){{0}}, &name) != WEIR_OK) {
		return err_set(err, WEIR_UNKNOWN_TOPIC_OR_PARTITION, "no such topic");
	}
	for (int32_t i = 0; i < ask->assignments_count; i++) {
		if (ask->assignments[i].broker_ids_count != 1 ||
			ask->assignments[i].broker_ids[0] != broker_node_id(req->broker)) {
			return err_set(err, WEIR_INVALID_REPLICA_ASSIGNMENT,
				"new partition %d is assigned to brokers that do not exist", i);
		}
	}
	const struct image *image = image_current(broker_images(req->broker));
	const struct image_topic *topic = image_topic(image, ask->name);
	int32_t more = topic ? ask->count - topic->partition_count : 0;
	image_release(image);
	if (ask->assignments_count >= 0 && more > 0 && ask->assignments_count != more) {
		return err_set(err, WEIR_INVALID_REPLICA_ASSIGNMENT,
			"%d new partitions, but %d assignments", more, ask->assignments_count);
	}
	return topic_grow(req->broker, name, ask->count, body->validate_only, err);
}

void handle_create_partitions(struct request *req)
{
	const struct create_partitions_request *body = req->body;
	struct create_partitions_response response;
	struct repeats repeats;
	wire_defaults(&create_partitions_response_message, &response);
	response.results =
		request_array(req, (size_t)body->topics_count, sizeof(*response.results));
	repeats_init(&repeats, req, (size_t)body->topics_count);
	for (int32_t i = 0; i < body->topics_count; i++) {
		repeats_add(&repeats, body->topics[i].name);
	}
	repeats_fini(&repeats);
	for (int32_t i = 0; i < body->topics_count; i++) {
		struct weir_err err = {.text = ""};
		if (!repeats_first(&repeats, (size_t)i)) {
			continue;
		}
		enum weir_code code = repeats_again(&repeats, (size_t)i)
					      ? err_set(&err, WEIR_INVALID_REQUEST,
							"the request names the topic twice")
					      : grow_one(req, &body->topics[i], &err);
		struct create_partitions_response_create_partitions_topic_result *row =
			&response.results[response.results_count++];
		row->name = body->topics[i].name;
		row->error_code = (int16_t)err_to_wire(code);
		if (code != WEIR_OK) {
			row->error_message = request_text(req, err.text);
		}
	}
	request_send(req, &response);
}
