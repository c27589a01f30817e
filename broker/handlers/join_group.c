/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JoinGroup, SyncGroup, Heartbeat, LeaveGroup. The first two are parked with the coordinator, which
 * answers them when the group is ready; nobody else waits for that.
 */
#include "broker/broker_priv.h"
#include "broker/group/classic.h"

enum { LEAVE_MANY = 3 };

void handle_join_group(struct request *req)
{
	const struct join_group_request *body = req->body;
	struct weir_err err;
	struct group_use use;
	struct group_caller caller;
	char host[NET_HOST_MAX + 1];
	group_caller_of(req, &caller, host);
	enum weir_code code = group_enter(req->broker, body->group_id, &use, &err);
	if (code == WEIR_OK) {
		coordinator_join(use.coordinator, &use.env, &caller, body, group_park(req));
		group_leave(&use);
		return;
	}
	struct join_group_response response;
	wire_defaults(&join_group_response_message, &response);
	response.error_code =
		(int16_t)err_to_wire(body->group_id.len ? code : WEIR_INVALID_GROUP_ID);
	response.protocol_name = (struct slice){NULL, 0};
	response.member_id = body->member_id;
	request_send(req, &response);
}

void handle_sync_group(struct request *req)
{
	const struct sync_group_request *body = req->body;
	struct weir_err err;
	struct group_use use;
	struct group_caller caller;
	char host[NET_HOST_MAX + 1];
	group_caller_of(req, &caller, host);
	enum weir_code code = group_enter(req->broker, body->group_id, &use, &err);
	if (code == WEIR_OK) {
		coordinator_sync(use.coordinator, &use.env, &caller, body, group_park(req));
		group_leave(&use);
		return;
	}
	struct sync_group_response response;
	wire_defaults(&sync_group_response_message, &response);
	response.error_code =
		(int16_t)err_to_wire(body->group_id.len ? code : WEIR_INVALID_GROUP_ID);
	request_send(req, &response);
}

void handle_heartbeat(struct request *req)
{
	const struct heartbeat_request *body = req->body;
	struct weir_err err;
	struct group_use use;
	struct heartbeat_response response;
	wire_defaults(&heartbeat_response_message, &response);
	enum weir_code code = group_enter(req->broker, body->group_id, &use, &err);
	if (code == WEIR_OK) {
		code = coordinator_heartbeat(use.coordinator, &use.env, body, &err);
		group_leave(&use);
	}
	response.error_code = (int16_t)err_to_wire(code);
	request_send(req, &response);
}

static struct group_leaver *list_leavers(struct request *req, size_t *count)
{
	const struct leave_group_request *body = req->body;
	bool many = req->header.version >= LEAVE_MANY;
	*count = many ? (size_t)body->members_count : 1;
	struct group_leaver *leavers = request_array(req, *count, sizeof(*leavers));
	if (!many) {
		leavers->member_id = body->member_id;
	}
	for (int32_t i = 0; many && i < body->members_count; i++) {
		leavers[i].member_id = body->members[i].member_id;
		leavers[i].instance_id = body->members[i].group_instance_id;
	}
	return leavers;
}

/* The answer names each member; a group that is not there is each member's error. */
static void answer_many(struct request *req, const struct group_leaver *leavers, size_t count,
	enum weir_code code, struct leave_group_response *response)
{
	bool each = code == WEIR_OK || code == WEIR_UNKNOWN_MEMBER_ID;
	response->error_code = each ? 0 : (int16_t)err_to_wire(code);
	response->members = request_array(req, count, sizeof(*response->members));
	response->members_count = each ? (int32_t)count : 0;
	for (size_t i = 0; each && i < count; i++) {
		enum weir_code own = code == WEIR_OK ? leavers[i].code : code;
		response->members[i].member_id = leavers[i].member_id;
		response->members[i].group_instance_id = leavers[i].instance_id;
		response->members[i].error_code = (int16_t)err_to_wire(own);
	}
}

void handle_leave_group(struct request *req)
{
	const struct leave_group_request *body = req->body;
	struct weir_err err;
	struct group_use use;
	struct group_waits waits = {.count = 0};
	size_t count;
	struct group_leaver *leavers = list_leavers(req, &count);
	enum weir_code code = group_enter(req->broker, body->group_id, &use, &err);
	if (code == WEIR_OK) {
		int64_t position = 0;
		code = coordinator_leave(
			use.coordinator, &use.env, body->group_id, leavers, count, &position, &err);
		group_waits_add(&waits, &use, position);
		group_leave(&use);
	}
	struct leave_group_response response;
	wire_defaults(&leave_group_response_message, &response);
	if (req->header.version >= LEAVE_MANY) {
		answer_many(req, leavers, count, code, &response);
	} else {
		response.error_code = (int16_t)err_to_wire(code == WEIR_OK ? leavers->code : code);
	}
	group_send(req, &response, &waits);
}
