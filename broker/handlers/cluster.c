/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DescribeCluster, DescribeLogDirs, DescribeTopicPartitions (KIP-966's reading of topics). */
#include "broker/broker_priv.h"
#include "broker/topic_admin.h"
#include "broker/topics.h"
#include "core/meta/topic_name.h"

#include <stdlib.h>
#include <sys/statvfs.h>

enum { CLUSTER_OPERATIONS = 0x1fa0, TOPIC_OPERATIONS = 0x0df8, ENDPOINT_BROKER = 1 };

void handle_describe_cluster(struct request *req)
{
	const struct describe_cluster_request *body = req->body;
	struct describe_cluster_response response;
	wire_defaults(&describe_cluster_response_message, &response);
	if (body->endpoint_type != ENDPOINT_BROKER) {
		bool known = body->endpoint_type == 2;
		response.error_code =
			known ? WEIR_MISMATCHED_ENDPOINT_TYPE : WEIR_UNSUPPORTED_ENDPOINT_TYPE;
		response.error_message = request_text(req, "this endpoint is a broker's");
		request_send(req, &response);
		return;
	}
	response.endpoint_type = ENDPOINT_BROKER;
	const struct image *image = image_current(broker_images(req->broker));
	struct broker_endpoint self;
	broker_endpoint(req->conn, &self);
	response.cluster_id = request_text(req, image->cluster_id);
	image_release(image);
	response.controller_id = broker_node_id(req->broker);
	response.brokers = request_array(req, 1, sizeof(*response.brokers));
	response.brokers_count = 1;
	response.brokers->broker_id = broker_node_id(req->broker);
	response.brokers->host = request_text(req, self.host);
	response.brokers->port = self.port;
	if (broker_rack(req->broker)) {
		response.brokers->rack = request_text(req, broker_rack(req->broker));
	}
	if (body->include_cluster_authorized_operations) {
		response.cluster_authorized_operations = CLUSTER_OPERATIONS;
	}
	request_send(req, &response);
}

typedef struct describe_log_dirs_response_describe_log_dirs_topic dir_topic;

static bool dir_asks_for(
	const struct describe_log_dirs_request *body, struct slice topic, int32_t partition)
{
	for (int32_t t = 0; t < body->topics_count; t++) {
		if (!slice_equal(body->topics[t].topic, topic)) {
			continue;
		}
		for (int32_t i = 0; i < body->topics[t].partitions_count; i++) {
			if (body->topics[t].partitions[i] == partition) {
				return true;
			}
		}
	}
	return body->topics_count < 0;
}

static void fill_dir_topic(struct request *req, const struct image_topic *topic, dir_topic *answer)
{
	answer->name = request_text(req, topic->name);
	answer->partitions =
		request_array(req, (size_t)topic->partition_count, sizeof(*answer->partitions));
	for (int32_t i = 0; i < topic->partition_count; i++) {
		struct partition *p;
		struct log *log;
		if (!dir_asks_for(req->body, answer->name, i) ||
			topics_partition(broker_topics(req->broker), answer->name, i, &p, NULL) !=
				WEIR_OK) {
			continue;
		}
		if (partition_use(p, &log, NULL) == WEIR_OK) {
			struct describe_log_dirs_response_describe_log_dirs_partition *row =
				&answer->partitions[answer->partitions_count++];
			row->partition_index = i;
			row->partition_size = log_size_bytes(log);
			partition_done(p);
		}
		partition_unref(p);
	}
}

void handle_describe_log_dirs(struct request *req)
{
	struct describe_log_dirs_response response;
	wire_defaults(&describe_log_dirs_response_message, &response);
	const struct image *image = image_current(broker_images(req->broker));
	response.results = request_array(req, 1, sizeof(*response.results));
	response.results_count = 1;
	wire_part_defaults(
		&describe_log_dirs_response_describe_log_dirs_result_part, response.results);
	response.results->log_dir = request_text(req, broker_data_dir(req->broker));
	response.results->topics = request_array(req, image->topic_count, sizeof(dir_topic));
	for (size_t i = 0; i < image->topic_count; i++) {
		dir_topic *row = &response.results->topics[response.results->topics_count];
		fill_dir_topic(req, image->topics[i], row);
		response.results->topics_count += row->partitions_count > 0;
	}
	image_release(image);
	struct statvfs fs;
	if (!statvfs(broker_data_dir(req->broker), &fs)) {
		response.results->total_bytes = (int64_t)(fs.f_blocks * fs.f_frsize);
		response.results->usable_bytes = (int64_t)(fs.f_bavail * fs.f_frsize);
	}
	request_send(req, &response);
}

typedef struct describe_topic_partitions_response_topic topic_answer;

static void fill_described(struct request *req, const struct image_topic *topic, int32_t from,
	int32_t count, topic_answer *answer)
{
	answer->name = request_text(req, topic->name);
	answer->topic_id = topic->id;
	answer->is_internal = topic_is_internal(answer->name);
	answer->topic_authorized_operations = TOPIC_OPERATIONS;
	answer->partitions = request_array(req, (size_t)count, sizeof(*answer->partitions));
	answer->partitions_count = count;
	for (int32_t i = 0; i < count; i++) {
		const struct image_partition *row = &topic->partitions[from + i];
		struct describe_topic_partitions_response_partition *p = &answer->partitions[i];
		p->partition_index = from + i;
		p->leader_id = row->leader;
		p->leader_epoch = row->leader_epoch;
		p->replica_nodes = request_array(req, (size_t)row->replica_count, sizeof(int32_t));
		p->replica_nodes_count = row->replica_count;
		memcpy(p->replica_nodes, row->replicas,
			(size_t)row->replica_count * sizeof(int32_t));
		p->isr_nodes = request_array(req, (size_t)row->isr_count, sizeof(int32_t));
		p->isr_nodes_count = row->isr_count;
		memcpy(p->isr_nodes, row->isr, (size_t)row->isr_count * sizeof(int32_t));
		p->eligible_leader_replicas_count = p->last_known_elr_count = 0;
		p->eligible_leader_replicas = p->last_known_elr = p->replica_nodes;
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names asked for, sorted, each once, from the cursor on; all topics when none is named. */
static size_t wanted_names(struct request *req, const struct image *image, char ***out)
{
	const struct describe_topic_partitions_request *body = req->body;
	size_t asked = (size_t)(body->topics_count > 0 ? body->topics_count : 0);
	size_t count = asked ? asked : image->topic_count, kept = 0;
	char **names = request_array(req, count, sizeof(*names));
	for (size_t i = 0; i < count; i++) {
		char *name = asked ? request_name(req, body->topics[i].name)
				   : arena_printf(req->arena, "%s", image->topics[i]->name);
		if (name) {
			names[kept++] = name;
		}
	}
	if (kept) {
		qsort(names, kept, sizeof(*names), compare_names);
	}
	const char *cursor = body->cursor ? request_name(req, body->cursor->topic_name) : NULL;
	size_t n = 0;
	for (size_t i = 0; i < kept; i++) {
		bool again = n && !strcmp(names[n - 1], names[i]);
		if (!again && (!cursor || strcmp(names[i], cursor) >= 0)) {
			names[n++] = names[i];
		}
	}
	*out = names;
	return n;
}

static void fill_absent(struct request *req, const char *name, topic_answer *answer)
{
	answer->name = request_text(req, name);
	answer->topic_authorized_operations = TOPIC_OPERATIONS;
	answer->error_code = topic_name_check(slice_str(name), NULL) == WEIR_OK
				     ? WEIR_UNKNOWN_TOPIC_OR_PARTITION
				     : WEIR_INVALID_TOPIC_EXCEPTION;
}

/* A cursor that no answer gave out. */
static void refuse_described(
	struct request *req, struct describe_topic_partitions_response *response)
{
	const struct describe_topic_partitions_request *body = req->body;
	size_t count = body->topics_count > 0 ? (size_t)body->topics_count : 0;
	response->topics = request_array(req, count, sizeof(*response->topics));
	response->topics_count = (int32_t)count;
	for (size_t i = 0; i < count; i++) {
		topic_answer *answer = &response->topics[i];
		wire_part_defaults(&describe_topic_partitions_response_topic_part, answer);
		answer->name = body->topics[i].name;
		answer->error_code = WEIR_INVALID_REQUEST;
	}
	request_send(req, response);
}

void handle_describe_topic_partitions(struct request *req)
{
	const struct describe_topic_partitions_request *body = req->body;
	struct describe_topic_partitions_response response;
	wire_defaults(&describe_topic_partitions_response_message, &response);
	if (body->cursor && body->cursor->partition_index < 0) {
		refuse_described(req, &response);
		return;
	}
	const struct image *image = image_current(broker_images(req->broker));
	char **names;
	size_t count = wanted_names(req, image, &names);
	int32_t left = body->response_partition_limit < 1 ? 1 : body->response_partition_limit;
	left = left > 2000 ? 2000 : left;
	response.topics = request_array(req, count, sizeof(*response.topics));
	for (size_t i = 0; i < count && !response.next_cursor; i++) {
		const struct image_topic *topic = image_topic(image, slice_str(names[i]));
		bool resumed =
			body->cursor && slice_equal(slice_str(names[i]), body->cursor->topic_name);
		int32_t from = resumed ? body->cursor->partition_index : 0;
		topic_answer *answer = &response.topics[response.topics_count];
		wire_part_defaults(&describe_topic_partitions_response_topic_part, answer);
		if (!topic) {
			fill_absent(req, names[i], answer);
			response.topics_count++;
			continue;
		}
		int32_t have = topic->partition_count > from ? topic->partition_count - from : 0;
		int32_t take = have < left ? have : left;
		left -= take;
		if (take || !have) {
			fill_described(req, topic, from, take, answer);
			response.topics_count++;
		}
		if (take < have) {
			response.next_cursor = request_array(req, 1, sizeof(*response.next_cursor));
			response.next_cursor->topic_name = request_text(req, names[i]);
			response.next_cursor->partition_index = from + take;
		}
	}
	request_send(req, &response);
	image_release(image);
}
