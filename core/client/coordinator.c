/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/client/coordinator.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/wire/messages.h"

enum { VERSION_BATCHED = 4 }; /* of FindCoordinator */

bool coordinator_moved(int16_t error)
{
	return error == WEIR_COORDINATOR_LOAD_IN_PROGRESS ||
	       error == WEIR_COORDINATOR_NOT_AVAILABLE || error == WEIR_NOT_COORDINATOR;
}

/* What an answer of either form says. */
struct found {
	int32_t node;
	int16_t error;
	struct slice message;
};

static enum weir_code ask(struct client *client, const char *group, int64_t deadline_ms,
	struct arena *arena, struct found *found, struct weir_err *err)
{
	struct find_coordinator_request request;
	struct find_coordinator_response response = {0};
	struct slice key = slice_str(group);
	int16_t version;
	enum weir_code code = versions_choose(
		&client->versions, API_FIND_COORDINATOR, VERSION_ANY, &version, err);
	if (code) {
		return code;
	}
	wire_defaults(&find_coordinator_request_message, &request);
	if (version >= VERSION_BATCHED) {
		request.coordinator_keys = &key;
		request.coordinator_keys_count = 1;
	} else {
		request.key = key;
	}
	code = call_until(client, CLIENT_ANY, API_FIND_COORDINATOR, version, &request, deadline_ms,
		arena, &response, &version, err);
	if (code) {
		return code;
	}
	if (version < VERSION_BATCHED) {
		*found = (struct found){
			response.node_id, response.error_code, response.error_message};
		return WEIR_OK;
	}
	if (response.coordinators_count != 1) {
		return err_set(err, WEIR_PROTOCOL, "FindCoordinator names %d coordinators, not one",
			(int)response.coordinators_count);
	}
	*found = (struct found){response.coordinators[0].node_id,
		response.coordinators[0].error_code, response.coordinators[0].error_message};
	return WEIR_OK;
}

/* One try; *again: it may succeed later. */
static enum weir_code find_once(struct client *client, const char *group, int64_t deadline_ms,
	int32_t *node, bool *again, struct weir_err *err)
{
	struct arena arena;
	struct found found = {0};
	arena_init(&arena, LIMIT_FRAME_DEFAULT);
	*again = false;
	enum weir_code code = ask(client, group, deadline_ms, &arena, &found, err);
	if (!code && found.error) {
		*again = coordinator_moved(found.error);
		code = wire_error(found.error, "FindCoordinator", found.message, err);
	}
	arena_fini(&arena);
	if (!code && !client_node(client, found.node)) {
		code = metadata_nodes(client, deadline_ms, err);
		if (!code && !client_node(client, found.node)) {
			*again = true;
			code = err_set(err, WEIR_COORDINATOR_NOT_AVAILABLE,
				"node %d coordinates the group, but is not among the brokers that "
				"%s names",
				(int)found.node, client_peer(client));
		}
	}
	if (!code) {
		*node = found.node;
	}
	return code;
}

enum weir_code coordinator_find(struct client *client, const char *group, int64_t deadline_ms,
	int32_t *node, struct weir_err *err)
{
	for (int attempt = 0;; attempt++) {
		bool again;
		enum weir_code code = find_once(client, group, deadline_ms, node, &again, err);
		if (!code || !again || clock_mono_ms() >= deadline_ms) {
			return code && err ? err_wrap(err, "group \"%s\"", group) : code;
		}
		retry_pause(client, attempt, deadline_ms);
	}
}

enum weir_code coordinator_call(struct client *client, const char *group, int16_t key, int16_t cap,
	const void *request, int16_t (*error_of)(const void *response), struct arena *arena,
	void *response, int16_t *version, struct weir_err *err)
{
	int64_t deadline_ms = client_deadline(client);
	for (int attempt = 0;; attempt++) {
		int32_t node;
		enum weir_code code = coordinator_find(client, group, deadline_ms, &node, err);
		if (!code) {
			code = call_until(client, node, key, cap, request, deadline_ms, arena,
				response, version, err);
		}
		if (code) {
			return code;
		}
		int16_t error = error_of(response);
		if (!coordinator_moved(error)) {
			return WEIR_OK;
		}
		if (clock_mono_ms() >= deadline_ms) {
			code = wire_error(error, wire_api(key)->name, (struct slice){0}, err);
			return err ? err_wrap(err, "group \"%s\"", group) : code;
		}
		retry_pause(client, attempt, deadline_ms);
	}
}
