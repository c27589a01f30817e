/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Metadata: brokers, topics, partitions; topics come into being here when auto.create.topics.enable
 * is on. */
#include "broker/broker_priv.h"
#include "broker/topic_admin.h"
#include "core/meta/topic_name.h"

/* Without an authoriser everybody may do everything: bits by AclOperation's number. */
enum { TOPIC_OPERATIONS = 0x0df8, CLUSTER_OPERATIONS = 0x1fa0 };

typedef struct metadata_response_topic topic_answer;
typedef struct metadata_response_partition partition_answer;

static void fill_partitions(
	struct request *req, topic_answer *answer, const struct image_topic *topic)
{
	int32_t count = topic->partition_count;
	answer->partitions = request_array(req, (size_t)count, sizeof(*answer->partitions));
	answer->partitions_count = count;
	for (int32_t i = 0; i < count; i++) {
		const struct image_partition *row = &topic->partitions[i];
		partition_answer *p = &answer->partitions[i];
		wire_part_defaults(&metadata_response_partition_part, p);
		p->partition_index = i;
		p->leader_id = row->leader;
		p->leader_epoch = row->leader_epoch;
		p->replica_nodes = request_array(req, (size_t)row->replica_count, sizeof(int32_t));
		p->replica_nodes_count = row->replica_count;
		memcpy(p->replica_nodes, row->replicas,
			(size_t)row->replica_count * sizeof(int32_t));
		p->isr_nodes = request_array(req, (size_t)row->isr_count, sizeof(int32_t));
		p->isr_nodes_count = row->isr_count;
		memcpy(p->isr_nodes, row->isr, (size_t)row->isr_count * sizeof(int32_t));
	}
}

static void fill_topic(struct request *req, topic_answer *answer, const struct image_topic *topic)
{
	const struct metadata_request *body = req->body;
	wire_part_defaults(&metadata_response_topic_part, answer);
	answer->name = request_text(req, topic->name);
	answer->topic_id = topic->id;
	answer->is_internal = topic_is_internal(answer->name);
	if (body->include_topic_authorized_operations) {
		answer->topic_authorized_operations = TOPIC_OPERATIONS;
	}
	fill_partitions(req, answer, topic);
}

static void fill_error(topic_answer *answer, struct slice name, struct uuid id, enum weir_code code)
{
	wire_part_defaults(&metadata_response_topic_part, answer);
	answer->error_code = (int16_t)err_to_wire(code);
	answer->name = name;
	answer->topic_id = id;
}

/* A name nobody knows: created now when that is allowed. */
static void answer_unknown(struct request *req, topic_answer *answer, struct slice name)
{
	const struct metadata_request *body = req->body;
	struct weir_err err;
	enum weir_code code = topic_name_check(name, &err);
	bool create = (body->allow_auto_topic_creation || req->header.version < 4) &&
		      broker_conf(req->broker)->auto_create_topics_enable;
	if (code == WEIR_OK && !create) {
		code = WEIR_UNKNOWN_TOPIC_OR_PARTITION;
	}
	if (code == WEIR_OK) {
		struct topic_plan plan = {.name = request_name(req, name),
			.partition_count = -1,
			.replication_factor = -1};
		struct uuid id;
		code = topic_create(req->broker, &plan, false, &id, &err);
		if (code == WEIR_TOPIC_ALREADY_EXISTS) {
			code = WEIR_OK; /* somebody was faster */
		}
	}
	const struct image *image = image_current(broker_images(req->broker));
	const struct image_topic *topic = code == WEIR_OK ? image_topic(image, name) : NULL;
	if (topic) {
		fill_topic(req, answer, topic);
	} else {
		fill_error(answer, name, (struct uuid){{0}},
			code == WEIR_OK ? WEIR_LEADER_NOT_AVAILABLE : code);
	}
	image_release(image);
}

static void answer_one(struct request *req, const struct image *image, bool by_id,
	topic_answer *answer, const struct metadata_request_topic *ask)
{
	const struct image_topic *topic =
		by_id ? image_topic_by_id(image, ask->topic_id) : image_topic(image, ask->name);
	if (topic) {
		fill_topic(req, answer, topic);
	} else if (by_id) {
		fill_error(answer, (struct slice){NULL, 0}, ask->topic_id, WEIR_UNKNOWN_TOPIC_ID);
	} else {
		answer_unknown(req, answer, ask->name);
	}
}

/* One id makes it a request by ids: names are not looked at. */
static bool asks_by_id(const struct request *req)
{
	const struct metadata_request *body = req->body;
	for (int32_t i = 0; req->header.version >= 12 && i < body->topics_count; i++) {
		if (!uuid_is_zero(body->topics[i].topic_id)) {
			return true;
		}
	}
	return false;
}

/* Versions 10 and 11 carry ids but must not use them; a name that is not there is Kafka's null
 * pointer from version 12 on. */
static enum weir_code check_topics(const struct request *req)
{
	const struct metadata_request *body = req->body;
	for (int32_t i = 0; i < body->topics_count; i++) {
		bool named = body->topics[i].name.data;
		bool has_id = !uuid_is_zero(body->topics[i].topic_id);
		if (req->header.version < 12 && (!named || has_id)) {
			return WEIR_INVALID_REQUEST;
		}
		if (!named && !has_id) {
			return WEIR_UNKNOWN_SERVER_ERROR;
		}
	}
	return WEIR_OK;
}

/* The whole request is refused: each topic says so, and nothing else is told. */
static void refuse(struct request *req, enum weir_code code)
{
	const struct metadata_request *body = req->body;
	struct metadata_response response;
	wire_defaults(&metadata_response_message, &response);
	response.controller_id = -1;
	response.topics = request_array(req, (size_t)body->topics_count, sizeof(*response.topics));
	response.topics_count = body->topics_count;
	for (int32_t i = 0; i < body->topics_count; i++) {
		struct slice name = body->topics[i].name;
		fill_error(&response.topics[i], name.data ? name : slice_str(""),
			body->topics[i].topic_id, code);
	}
	request_send(req, &response);
}

static void fill_brokers(struct request *req, struct metadata_response *response)
{
	struct broker_endpoint self;
	broker_endpoint(req->conn, &self);
	response->brokers = request_array(req, 1, sizeof(*response->brokers));
	response->brokers_count = 1;
	response->brokers->node_id = broker_node_id(req->broker);
	response->brokers->host = request_text(req, self.host);
	response->brokers->port = self.port;
	const char *rack = broker_rack(req->broker);
	response->brokers->rack = rack ? request_text(req, rack) : (struct slice){NULL, 0};
	response->controller_id = broker_node_id(req->broker);
}

static void fill_all(
	struct request *req, const struct image *image, struct metadata_response *response)
{
	response->topics = request_array(req, image->topic_count, sizeof(*response->topics));
	response->topics_count = (int32_t)image->topic_count;
	for (size_t i = 0; i < image->topic_count; i++) {
		fill_topic(req, &response->topics[i], image->topics[i]);
	}
}

static void fill_asked(
	struct request *req, const struct image *image, struct metadata_response *response)
{
	const struct metadata_request *body = req->body;
	bool by_id = asks_by_id(req);
	response->topics =
		request_array(req, (size_t)body->topics_count, sizeof(*response->topics));
	for (int32_t i = 0; i < body->topics_count; i++) {
		if (!by_id || !uuid_is_zero(body->topics[i].topic_id)) {
			answer_one(req, image, by_id, &response->topics[response->topics_count++],
				&body->topics[i]);
		}
	}
}

void handle_metadata(struct request *req)
{
	const struct metadata_request *body = req->body;
	struct metadata_response response;
	wire_defaults(&metadata_response_message, &response);
	enum weir_code code = check_topics(req);
	if (code != WEIR_OK) {
		refuse(req, code);
		return;
	}
	const struct image *image = image_current(broker_images(req->broker));
	fill_brokers(req, &response);
	response.cluster_id = request_text(req, image->cluster_id);
	if (body->include_cluster_authorized_operations) {
		response.cluster_authorized_operations = CLUSTER_OPERATIONS;
	}
	if (body->topics_count < 0 || (req->header.version == 0 && !body->topics_count)) {
		fill_all(req, image, &response);
	} else {
		fill_asked(req, image, &response);
	}
	request_send(req, &response);
	image_release(image);
}
