/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ConsumerGroupHeartbeat and ConsumerGroupDescribe (KIP-848). */
#include "broker/broker_priv.h"
#include "broker/group/modern.h"

enum { GROUP_OPERATIONS = 3400 };

static bool offered(struct broker *broker)
{
	return broker_conf(broker)->group_coordinator_rebalance_protocols &
	       (1u << CONF_REBALANCE_CONSUMER);
}

void handle_consumer_group_heartbeat(struct request *req)
{
	const struct consumer_group_heartbeat_request *body = req->body;
	struct weir_err err = {.text = ""};
	struct group_use use;
	struct group_waits waits = {.count = 0};
	struct group_caller caller;
	char host[NET_HOST_MAX + 1];
	struct consumer_group_heartbeat_response response;
	wire_defaults(&consumer_group_heartbeat_response_message, &response);
	group_caller_of(req, &caller, host);
	enum weir_code code =
		offered(req->broker)
			? group_enter(req->broker, body->group_id, &use, &err)
			: err_set(&err, WEIR_UNSUPPORTED_VERSION,
				  "group.coordinator.rebalance.protocols leaves consumer out");
	if (code == WEIR_OK) {
		int64_t position = 0;
		code = coordinator_consumer_heartbeat(use.coordinator, &use.env, &caller, body,
			req->arena, &response, &position, &err);
		if (code == WEIR_OK) {
			group_waits_add(&waits, &use, position);
		}
		group_leave(&use);
	}
	if (code != WEIR_OK) {
		wire_defaults(&consumer_group_heartbeat_response_message, &response);
		response.error_code = (int16_t)err_to_wire(code);
		response.error_message = request_text(req, err.text);
	}
	group_send(req, &response, &waits);
}

typedef struct consumer_group_describe_response_described_group described_group;

void handle_consumer_group_describe(struct request *req)
{
	const struct consumer_group_describe_request *body = req->body;
	struct group_waits waits = {.count = 0};
	struct consumer_group_describe_response response;
	wire_defaults(&consumer_group_describe_response_message, &response);
	response.groups_count = body->group_ids_count;
	response.groups =
		request_array(req, (size_t)body->group_ids_count, sizeof(*response.groups));
	for (int32_t i = 0; i < body->group_ids_count; i++) {
		described_group *row = &response.groups[i];
		struct weir_err err = {.text = ""};
		struct group_use use;
		wire_part_defaults(&consumer_group_describe_response_described_group_part, row);
		row->group_id = body->group_ids[i];
		enum weir_code code = group_enter(req->broker, row->group_id, &use, &err);
		if (code == WEIR_OK) {
			int64_t position;
			code = coordinator_describe_consumer(
				use.coordinator, &use.env, req->arena, row, &position, &err);
			group_waits_add(&waits, &use, position);
			group_leave(&use);
		}
		if (code != WEIR_OK) {
			row->error_code = (int16_t)err_to_wire(code);
			row->error_message = request_text(req, err.text);
		} else if (body->include_authorized_operations) {
			row->authorized_operations = GROUP_OPERATIONS;
		}
	}
	group_send(req, &response, &waits);
}
