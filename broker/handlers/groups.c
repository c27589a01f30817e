/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ListGroups, DescribeGroups, DeleteGroups: over the shards that the groups lie in. */
#include "broker/broker_priv.h"
#include "broker/group/admin.h"
#include "core/base/mem.h"

#include <strings.h>

enum { NOT_FOUND_IS_AN_ERROR = 6, GROUP_OPERATIONS = 3400 };

typedef struct list_groups_response_listed_group listed_group;

struct listing {
	struct request *req;
	listed_group *rows;
	size_t count, room;
};

/* An empty filter lets all through; case is ignored, as Kafka does. */
static bool passes(const struct slice *filter, int32_t count, const char *name)
{
	for (int32_t i = 0; i < count; i++) {
		if (filter[i].len == strlen(name) &&
			!strncasecmp((const char *)filter[i].data, name, filter[i].len)) {
			return true;
		}
	}
	return count <= 0;
}

static struct slice kept(struct request *req, struct slice from)
{
	struct slice copy = slice_of(arena_try_dup(req->arena, from.data, from.len), from.len);
	WEIR_ASSERT(copy.data);
	return copy;
}

static void list_one(void *arg, const struct group_summary *row)
{
	struct listing *l = arg;
	const struct list_groups_request *body = l->req->body;
	if (!passes(body->states_filter, body->states_filter_count, row->state) ||
		!passes(body->types_filter, body->types_filter_count, group_type_name(row->type))) {
		return;
	}
	if (l->count == l->room) {
		l->room = l->room ? l->room * 2 : 64;
		l->rows = mem_grow(l->rows, l->room, sizeof(*l->rows));
	}
	l->rows[l->count++] = (listed_group){
		.group_id = kept(l->req, row->id),
		.protocol_type = kept(l->req, row->protocol_type),
		.group_state = slice_str(row->state),
		.group_type = slice_str(group_type_name(row->type)),
	};
}

void handle_list_groups(struct request *req)
{
	struct listing l = {.req = req};
	struct list_groups_response response;
	wire_defaults(&list_groups_response_message, &response);
	enum weir_code code = WEIR_OK;
	for (int32_t i = 0; code != WEIR_NOT_FOUND; i++) {
		struct weir_err err;
		struct group_use use;
		code = group_enter_at(req->broker, i, &use, &err);
		if (code == WEIR_OK) {
			coordinator_list(use.coordinator, list_one, &l);
			group_leave(&use);
		} else if (code != WEIR_NOT_FOUND) {
			response.error_code = (int16_t)err_to_wire(code);
		}
	}
	response.groups = l.rows;
	response.groups_count = response.error_code ? 0 : (int32_t)l.count;
	request_send(req, &response);
	mem_free(l.rows);
}

typedef struct describe_groups_response_described_group described_group;

static void describe_one(struct request *req, described_group *row, struct group_waits *waits)
{
	const struct describe_groups_request *body = req->body;
	struct weir_err err;
	struct group_use use;
	enum weir_code code = group_enter(req->broker, row->group_id, &use, &err);
	if (code == WEIR_OK) {
		int64_t position;
		code = coordinator_describe_classic(use.coordinator, req->arena, row, &position);
		group_waits_add(waits, &use, position);
		group_leave(&use);
	}
	bool newer = req->header.version >= NOT_FOUND_IS_AN_ERROR;
	if (code == WEIR_GROUP_ID_NOT_FOUND && newer) {
		row->error_message = request_text(req, "the group does not exist");
	} else if (code == WEIR_GROUP_ID_NOT_FOUND) {
		code = WEIR_OK;
	}
	if (code == WEIR_OK && body->include_authorized_operations) {
		row->authorized_operations = GROUP_OPERATIONS;
	}
	row->error_code = (int16_t)err_to_wire(code);
}

void handle_describe_groups(struct request *req)
{
	const struct describe_groups_request *body = req->body;
	struct group_waits waits = {.count = 0};
	struct describe_groups_response response;
	wire_defaults(&describe_groups_response_message, &response);
	response.groups_count = body->groups_count;
	response.groups = request_array(req, (size_t)body->groups_count, sizeof(*response.groups));
	for (int32_t i = 0; i < body->groups_count; i++) {
		wire_part_defaults(
			&describe_groups_response_described_group_part, &response.groups[i]);
		response.groups[i].group_id = body->groups[i];
		describe_one(req, &response.groups[i], &waits);
	}
	group_send(req, &response, &waits);
}

void handle_delete_groups(struct request *req)
{
	const struct delete_groups_request *body = req->body;
	struct group_waits waits = {.count = 0};
	struct delete_groups_response response;
	wire_defaults(&delete_groups_response_message, &response);
	response.results_count = body->groups_names_count;
	response.results =
		request_array(req, (size_t)body->groups_names_count, sizeof(*response.results));
	for (int32_t i = 0; i < body->groups_names_count; i++) {
		struct weir_err err;
		struct group_use use;
		struct slice group_id = body->groups_names[i];
		enum weir_code code = group_enter(req->broker, group_id, &use, &err);
		if (code == WEIR_OK) {
			int64_t position = 0;
			code = coordinator_delete(
				use.coordinator, &use.env, group_id, &position, &err);
			group_waits_add(&waits, &use, position);
			group_leave(&use);
		}
		response.results[i].group_id = group_id;
		response.results[i].error_code = (int16_t)err_to_wire(code);
	}
	group_send(req, &response, &waits);
}
