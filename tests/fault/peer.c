/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fault/peer.h"

#include "core/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME_MAX = 256 << 20 };

bool peer_open(struct peer *peer, int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int one = 1;
	*peer = (struct peer){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	buf_init(&peer->out, 0);
	buf_init(&peer->in, 0);
	arena_init(&peer->arena, 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (peer->fd < 0 || connect(peer->fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		return false;
	}
	setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return true;
}

void peer_close(struct peer *peer)
{
	if (peer->fd >= 0) {
		close(peer->fd);
		peer->fd = -1;
	}
	buf_fini(&peer->out);
	buf_fini(&peer->in);
	arena_fini(&peer->arena);
}

bool peer_readable(const struct peer *peer, int ms)
{
	struct pollfd ready = {.fd = peer->fd, .events = POLLIN};
	return poll(&ready, 1, ms) == 1;
}

static bool transmit(int fd, const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return false;
		}
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static bool receive(const struct peer *peer, uint8_t *to, size_t len)
{
	while (len) {
		if (!peer_readable(peer, PEER_WAIT_MS)) {
			return false;
		}
		ssize_t n = recv(peer->fd, to, len, 0);
		if (n <= 0) {
			return false;
		}
		to += n;
		len -= (size_t)n;
	}
	return true;
}

bool peer_send(struct peer *peer, int16_t key, int16_t version, const void *request)
{
	struct wire_request_header header = {key, version, ++peer->correlation, slice_str("fault")};
	buf_reset(&peer->out);
	buf_add(&peer->out, "\0\0\0\0", 4);
	wire_request_header_encode(&header, &peer->out);
	if (wire_encode(wire_api(key)->request, version, request, &peer->out, NULL, NULL)) {
		return false;
	}
	be32_put(peer->out.data, (uint32_t)(peer->out.len - 4));
	return transmit(peer->fd, peer->out.data, peer->out.len);
}

bool peer_receive(
	struct peer *peer, int16_t key, int16_t version, int32_t correlation, void *response)
{
	uint8_t prefix[4];
	int32_t got;
	size_t used, body;
	if (!receive(peer, prefix, sizeof(prefix))) {
		return false;
	}
	size_t len = be32_get(prefix);
	buf_reset(&peer->in);
	if (len > FRAME_MAX || !buf_reserve(&peer->in, len) || !receive(peer, peer->in.data, len)) {
		return false;
	}
	struct slice frame = slice_of(peer->in.data, len);
	arena_reset(&peer->arena, 0);
	return !wire_response_header_decode(key, version, frame, &got, &used, NULL) &&
	       got == correlation &&
	       !wire_decode(wire_api(key)->response, version,
		       slice_of(frame.data + used, len - used), &peer->arena, response, &body,
		       NULL) &&
	       body == len - used;
}

bool peer_call(struct peer *peer, int16_t key, int16_t version, const void *request, void *response)
{
	return peer_send(peer, key, version, request) &&
	       peer_receive(peer, key, version, peer->correlation, response);
}

bool peer_create_topic(struct peer *peer, const char *name, int32_t partitions,
	int32_t segment_bytes, int16_t *code)
{
	char bytes[16];
	struct create_topics_request_creatable_topic_config config = {
		.name = slice_str("internal.segment.bytes")};
	struct create_topics_request request;
	struct create_topics_response response;
	struct create_topics_request_creatable_topic topic = {
		.name = slice_str(name), .num_partitions = partitions, .replication_factor = 1};
	snprintf(bytes, sizeof(bytes), "%d", segment_bytes);
	config.value = slice_str(bytes);
	topic.configs = &config;
	topic.configs_count = segment_bytes > 0;
	wire_defaults(&create_topics_request_message, &request);
	request.topics = &topic;
	request.topics_count = 1;
	request.timeout_ms = PEER_WAIT_MS;
	if (!peer_call(peer, PEER_CREATE_TOPICS, 7, &request, &response) ||
		response.topics_count != 1) {
		return false;
	}
	*code = response.topics[0].error_code;
	return true;
}

bool peer_delete_topic(struct peer *peer, const char *name, int16_t *code)
{
	struct delete_topics_request request;
	struct delete_topics_response response;
	struct delete_topics_request_delete_topic_state topic = {.name = slice_str(name)};
	wire_defaults(&delete_topics_request_message, &request);
	request.topics = &topic;
	request.topics_count = 1;
	request.timeout_ms = PEER_WAIT_MS;
	if (!peer_call(peer, PEER_DELETE_TOPICS, 6, &request, &response) ||
		response.responses_count != 1) {
		return false;
	}
	*code = response.responses[0].error_code;
	return true;
}

bool peer_trim(
	struct peer *peer, const char *topic, int32_t partition, int64_t offset, int16_t *code)
{
	struct delete_records_request request;
	struct delete_records_response response;
	struct delete_records_request_delete_records_partition row = {partition, offset};
	struct delete_records_request_delete_records_topic rows = {
		.name = slice_str(topic), .partitions = &row, .partitions_count = 1};
	wire_defaults(&delete_records_request_message, &request);
	request.topics = &rows;
	request.topics_count = 1;
	request.timeout_ms = PEER_WAIT_MS;
	if (!peer_call(peer, PEER_DELETE_RECORDS, 2, &request, &response) ||
		response.topics_count != 1 || response.topics[0].partitions_count != 1) {
		return false;
	}
	*code = response.topics[0].partitions[0].error_code;
	return true;
}

bool peer_offset(struct peer *peer, const char *topic, int32_t partition, int64_t timestamp,
	int64_t *offset, int16_t *code)
{
	struct list_offsets_request request;
	struct list_offsets_response response;
	struct list_offsets_request_list_offsets_partition row;
	struct list_offsets_request_list_offsets_topic rows;
	wire_defaults(&list_offsets_request_message, &request);
	wire_part_defaults(&list_offsets_request_list_offsets_partition_part, &row);
	wire_part_defaults(&list_offsets_request_list_offsets_topic_part, &rows);
	row.partition_index = partition;
	row.timestamp = timestamp;
	rows.name = slice_str(topic);
	rows.partitions = &row;
	rows.partitions_count = 1;
	request.replica_id = -1;
	request.topics = &rows;
	request.topics_count = 1;
	if (!peer_call(peer, PEER_LIST_OFFSETS, 7, &request, &response) ||
		response.topics_count != 1 || response.topics[0].partitions_count != 1) {
		return false;
	}
	*code = response.topics[0].partitions[0].error_code;
	*offset = response.topics[0].partitions[0].offset;
	return true;
}

bool peer_produce(
	struct peer *peer, const char *topic, int32_t partition, int16_t acks, struct slice batch)
{
	struct produce_request request;
	struct produce_request_partition_produce_data data = {.index = partition, .records = batch};
	struct produce_request_topic_produce_data row = {
		.name = slice_str(topic), .partition_data = &data, .partition_data_count = 1};
	wire_defaults(&produce_request_message, &request);
	request.acks = acks;
	request.timeout_ms = PEER_WAIT_MS;
	request.topic_data = &row;
	request.topic_data_count = 1;
	return peer_send(peer, PEER_PRODUCE, 9, &request);
}

bool peer_fetch(struct peer *peer, const char *topic, int32_t partition, int64_t offset,
	int32_t wait_ms, struct fetch_response_partition_data *got)
{
	struct fetch_request request;
	struct fetch_response response;
	struct fetch_request_fetch_partition part;
	struct fetch_request_fetch_topic row;
	wire_defaults(&fetch_request_message, &request);
	wire_part_defaults(&fetch_request_fetch_partition_part, &part);
	wire_part_defaults(&fetch_request_fetch_topic_part, &row);
	part.partition = partition;
	part.fetch_offset = offset;
	part.partition_max_bytes = 1 << 20;
	row.topic = slice_str(topic);
	row.partitions = &part;
	row.partitions_count = 1;
	request.topics = &row;
	request.topics_count = 1;
	request.max_wait_ms = wait_ms;
	request.min_bytes = 1;
	request.max_bytes = 1 << 20;
	if (!peer_call(peer, PEER_FETCH, 12, &request, &response) ||
		response.responses_count != 1 || response.responses[0].partitions_count != 1) {
		return false;
	}
	*got = response.responses[0].partitions[0];
	return true;
}

bool peer_producer_id(struct peer *peer, int64_t *id, int16_t *epoch, int16_t *code)
{
	struct api_versions_request versions;
	struct api_versions_response served;
	bool known = false;
	wire_defaults(&api_versions_request_message, &versions);
	if (!peer_call(peer, PEER_API_VERSIONS, 2, &versions, &served)) {
		return false;
	}
	for (int32_t i = 0; i < served.api_keys_count; i++) {
		known = known || served.api_keys[i].api_key == PEER_INIT_PRODUCER_ID;
	}
	if (!known) {
		*code = WEIR_UNSUPPORTED_VERSION;
		return true;
	}
	struct init_producer_id_request request;
	struct init_producer_id_response response;
	wire_defaults(&init_producer_id_request_message, &request);
	request.transactional_id = (struct slice){NULL, 0};
	request.transaction_timeout_ms = PEER_WAIT_MS;
	if (!peer_call(peer, PEER_INIT_PRODUCER_ID, 4, &request, &response)) {
		return false;
	}
	*code = response.error_code;
	*id = response.producer_id;
	*epoch = response.producer_epoch;
	return true;
}
