/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request with its retries. Connection errors are tried again until the deadline; a node that
 * was never reached gets connect_timeout_ms only, since its advertised address is then most likely
 * wrong. A node that failed may have moved, so the nodes are asked for again before the next try.
 */
#include "core/client/client_priv.h"

#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/wire/messages.h"

int64_t retry_pause_ms(int attempt)
{
	int64_t pause_ms = attempt < 5 ? (int64_t)RETRY_FIRST_MS << attempt : RETRY_MAX_MS;
	return pause_ms < RETRY_MAX_MS ? pause_ms : RETRY_MAX_MS;
}

void retry_pause(struct client *client, int attempt, int64_t deadline_ms)
{
	int64_t until_ms = clock_mono_ms() + retry_pause_ms(attempt);
	until_ms = until_ms < deadline_ms ? until_ms : deadline_ms;
	while (clock_mono_ms() < until_ms) {
		client_pump(client, until_ms);
	}
}

enum weir_code client_start(struct client *client, struct connection *connection, int16_t key,
	int16_t cap, const void *request, bool answer, int64_t deadline_ms,
	struct exchange **exchange, struct weir_err *err)
{
	(void)client;
	int16_t version = 0;
	enum weir_code code = versions_choose(&connection->versions, key, cap, &version, err);
	if (code) {
		return err ? err_wrap(err, "%s", connection->peer) : code;
	}
	return connection_start(
		connection, key, version, request, answer, deadline_ms, exchange, err);
}

enum weir_code exchange_decode(
	const struct exchange *exchange, struct arena *arena, void *response, struct weir_err *err)
{
	const struct wire_api *api = wire_api(exchange->key);
	struct weir_err why;
	size_t used;
	if (exchange->state == EXCHANGE_FAILED) {
		if (err) {
			*err = exchange->err;
		}
		return exchange->err.code;
	}
	enum weir_code code = wire_decode(api->response, exchange->version, exchange_body(exchange),
		arena, response, &used, &why);
	if (code) {
		code = code == WEIR_NO_MEMORY ? code : WEIR_PROTOCOL;
		return err_set(err, code, "%s answer: %s", api->name, why.text);
	}
	return WEIR_OK;
}

/* Copies the answer into arena, so that response outlives the exchange. */
static enum weir_code decode_copy(
	struct exchange *exchange, struct arena *arena, void *response, struct weir_err *err)
{
	if (exchange->state == EXCHANGE_DONE) {
		uint8_t *copy = arena_try_dup(arena, exchange->frame.data, exchange->frame.len);
		if (!copy) {
			return err_set(err, WEIR_NO_MEMORY, "no memory for an answer of %zu bytes",
				exchange->frame.len);
		}
		struct exchange there = *exchange;
		there.frame.data = copy;
		return exchange_decode(&there, arena, response, err);
	}
	return exchange_decode(exchange, arena, response, err);
}

/* Error that says the node asked was not the controller; 0 for APIs that cannot say it. */
static int16_t controller_error(int16_t key, const void *response)
{
	if (key == API_CREATE_TOPICS) {
		const struct create_topics_response *r = response;
		return r->topics_count > 0 ? r->topics[0].error_code : 0;
	}
	if (key == API_DELETE_TOPICS) {
		const struct delete_topics_response *r = response;
		return r->responses_count > 0 ? r->responses[0].error_code : 0;
	}
	if (key == API_CREATE_PARTITIONS) {
		const struct create_partitions_response *r = response;
		return r->results_count > 0 ? r->results[0].error_code : 0;
	}
	return 0;
}

static enum weir_code resolve_node(
	struct client *client, int32_t *node, int64_t deadline_ms, struct weir_err *err)
{
	bool known = *node == CLIENT_CONTROLLER ? client->controller >= 0
						: *node < 0 || client_node(client, *node) != NULL;
	enum weir_code code = known ? WEIR_OK : metadata_nodes(client, deadline_ms, err);
	if (!code && *node == CLIENT_CONTROLLER) {
		*node = client->controller >= 0 ? client->controller : CLIENT_ANY;
	}
	return code;
}

struct attempt {
	int32_t node; /* as asked */
	int16_t key, cap;
	const void *request;
	int64_t deadline_ms;
	bool reached; /* the node has ever been reached */
};

static enum weir_code call_once(struct client *client, struct attempt *try, struct arena *arena,
	void *response, int16_t *version, struct weir_err *err)
{
	int32_t node = try->node;
	struct connection *connection = NULL;
	struct exchange *x = NULL;
	enum weir_code code = resolve_node(client, &node, try->deadline_ms, err);
	if (!code) {
		code = client_reach(client, node, LANE_CALL, &connection, err);
		const struct node *known = client_node(client, node);
		try->reached = node < 0 || !known || known->reached;
	}
	if (!code) {
		code = client_start(client, connection, try->key, try->cap, try->request, true,
			try->deadline_ms, &x, err);
	}
	if (!code) {
		client_wait(client, x);
		*version = x->version;
		code = decode_copy(x, arena, response, err);
	}
	if (!code && try->node == CLIENT_CONTROLLER &&
		controller_error(try->key, response) == WEIR_NOT_CONTROLLER) {
		code = err_set(
			err, WEIR_NOT_CONTROLLER, "node %d is not the controller", (int)node);
	}
	exchange_free(&x);
	return code;
}

/* Client's rule, not the broker's: from version 4 on AddPartitionsToTxn is between brokers. */
static int16_t cap_of(int16_t key, int16_t cap)
{
	return key == API_ADD_PARTITIONS_TO_TXN && cap > 3 ? 3 : cap;
}

enum weir_code call_until(struct client *client, int32_t node, int16_t key, int16_t cap,
	const void *request, int64_t deadline_ms, struct arena *arena, void *response,
	int16_t *version, struct weir_err *err)
{
	struct attempt try = {
		.node = node,
		.key = key,
		.cap = cap_of(key, cap),
		.request = request,
		.deadline_ms = deadline_ms,
	};
	int64_t started_ms = clock_mono_ms();
	struct weir_err why;
	int16_t used = 0;
	for (int attempt = 0;; attempt++) {
		enum weir_code code = call_once(client, &try, arena, response, &used, &why);
		if (!code) {
			if (version) {
				*version = used;
			}
			return WEIR_OK;
		}
		int64_t now_ms = clock_mono_ms();
		bool hopeless = code == WEIR_CONNECT && !try.reached &&
				now_ms - started_ms >= client->conf.connect_timeout_ms;
		bool again = code == WEIR_CONNECT || code == WEIR_CLOSED || code == WEIR_TIMEOUT ||
			     code == WEIR_NOT_CONTROLLER;
		if (!again || hopeless || now_ms >= deadline_ms) {
			if (err) {
				*err = why;
			}
			return code;
		}
		if (attempt || code != WEIR_CLOSED) {
			retry_pause(client, attempt, deadline_ms);
		}
		client->controller = -1;
		if (node >= 0 && metadata_nodes(client, deadline_ms, NULL)) {
			continue; /* nobody answers: the next try says so */
		}
	}
}

enum weir_code client_call(struct client *client, int32_t node, int16_t api_key,
	const void *request, struct arena *arena, void *response, int16_t *version,
	struct weir_err *err)
{
	return call_until(client, node, api_key, VERSION_ANY, request, client_deadline(client),
		arena, response, version, err);
}

enum weir_code client_call_capped(struct client *client, int32_t node, int16_t api_key,
	int16_t version_max, const void *request, struct arena *arena, void *response,
	int16_t *version, struct weir_err *err)
{
	return call_until(client, node, api_key, version_max, request, client_deadline(client),
		arena, response, version, err);
}

enum weir_code wire_error(int16_t code, const char *what, struct slice detail, struct weir_err *err)
{
	const struct err_info *info = err_info(code);
	bool told = detail.data && detail.len;
	return err_set(err, info->code, "%s: %s%s%.*s%s", what, info->text, told ? " (" : "",
		told ? (int)(detail.len < 160 ? detail.len : 160) : 0,
		told ? (const char *)detail.data : "", told ? ")" : "");
}
