/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers that cannot leave at once. A call holds the encoded answer; each thing it waits for
 * counts in pending, and who takes pending to zero posts it to the connection's reactor. A client
 * that goes away leaves its call behind without a reply: it is freed when its time comes.
 */
#include "broker/group/runner_priv.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/wire/messages.h"

#include <stdio.h>

static void call_free(struct group_call *call)
{
	for (size_t i = 0; i < call->wait_count; i++) {
		partition_unref(call->waits[i].partition);
	}
	buf_fini(&call->bytes);
	mem_free(call);
}

/* On the reactor's thread. */
static void on_post(struct loop_post *post)
{
	struct group_call *call = LIST_ENTRY(post, struct group_call, post);
	struct reply *reply = call->reply;
	if (reply) {
		reply->cancel = NULL;
		if (atomic_load(&call->code) != WEIR_OK) {
			reply_close(reply);
		} else {
			reply_send_encoded(reply, &call->bytes);
		}
	}
	call_free(call);
}

static void on_gone(void *arg)
{
	struct group_call *call = arg;
	struct reply *reply = call->reply;
	call->reply = NULL;
	reply_release(reply);
}

static struct group_call *call_new(struct request *req, size_t wait_count)
{
	struct group_call *call = mem_new(sizeof(*call) + wait_count * sizeof(struct group_wait));
	list_init(&call->node);
	call->reactor = req->conn->reactor;
	call->reply = req->reply;
	call->api = req->reply->api;
	call->version = req->reply->version;
	call->correlation_id = req->reply->correlation_id;
	buf_init(&call->bytes, 0);
	call->post.run = on_post;
	req->reply->cancel = on_gone;
	req->reply->cancel_arg = call;
	return call;
}

static void encode(struct group_call *call, const void *response)
{
	struct weir_err err;
	enum weir_code code = reply_encode(
		call->api, call->version, call->correlation_id, response, &call->bytes, NULL, &err);
	if (code != WEIR_OK) {
		log_line(LOG_ERROR, "answer to %s v%d: %s", call->api->name, call->version,
			err.text);
		atomic_store(&call->code, (int)code);
	}
}

static void settle_one(struct group_call *call)
{
	if (atomic_fetch_sub(&call->pending, 1) == 1) {
		loop_call(call->reactor->loop, &call->post);
	}
}

static void on_reached(struct partition_wait *wait, enum weir_code code)
{
	struct group_wait *w = LIST_ENTRY(wait, struct group_wait, wait);
	if (code != WEIR_OK) {
		atomic_store(&w->call->code, (int)code);
	}
	settle_one(w->call);
}

/* partition: counted, taken. */
static void wait_for(struct group_call *call, struct partition *partition, int64_t position)
{
	struct group_wait *w = &call->waits[call->wait_count++];
	w->call = call;
	w->partition = partition;
	w->wait.offset = position;
	w->wait.fire = on_reached;
	atomic_fetch_add(&call->pending, 1);
	if (!partition_wait_add(partition, &w->wait)) {
		settle_one(call);
	}
}

void group_waits_add(struct group_waits *waits, const struct group_use *use, int64_t position)
{
	struct partition *partition = use->shard->partition;
	if (position <= atomic_load(&partition->high_watermark)) {
		return;
	}
	if (waits->count == waits->room) {
		waits->room = waits->room ? waits->room * 2 : 4;
		waits->rows = mem_grow(waits->rows, waits->room, sizeof(*waits->rows));
	}
	partition_ref(partition);
	waits->rows[waits->count++] = (struct group_wait_row){partition, position};
}

void group_send(struct request *req, const void *response, struct group_waits *waits)
{
	if (!waits->count) {
		request_send(req, response);
		return;
	}
	struct group_call *call = call_new(req, waits->count);
	atomic_store(&call->pending, 1);
	encode(call, response);
	for (size_t i = 0; i < waits->count; i++) {
		wait_for(call, waits->rows[i].partition, waits->rows[i].position);
	}
	MEM_FREE(&waits->rows);
	waits->count = waits->room = 0;
	settle_one(call);
}

void *group_park(struct request *req)
{
	struct group_call *call = call_new(req, 1);
	atomic_store(&call->pending, 1);
	return call;
}

void call_answer(void *arg, void *token, const void *response)
{
	struct group_shard *shard = arg;
	struct group_call *call = token;
	encode(call, response);
	list_append(&shard->answered, &call->node);
}

/* The error in the place of an answer that the log did not take. */
static void answer_error(struct group_call *call, enum weir_code code)
{
	int16_t number = (int16_t)err_to_wire(code);
	buf_reset(&call->bytes);
	if (call->api->response == &join_group_response_message) {
		struct join_group_response response;
		wire_defaults(call->api->response, &response);
		response.error_code = number;
		response.protocol_name = (struct slice){NULL, 0};
		encode(call, &response);
	} else {
		struct sync_group_response response;
		wire_defaults(call->api->response, &response);
		response.error_code = number;
		encode(call, &response);
	}
}

void call_settle(void *arg, enum weir_code code, int64_t position)
{
	struct group_shard *shard = arg;
	LIST_EACH_SAFE(it, &shard->answered)
	{
		struct group_call *call = LIST_ENTRY(it, struct group_call, node);
		list_remove(it);
		call->position = position;
		if (code != WEIR_OK) {
			answer_error(call, code);
			call->position = 0;
		}
		list_append(&shard->settled, it);
	}
}

void calls_send(struct partition *partition, struct list *settled)
{
	LIST_EACH_SAFE(it, settled)
	{
		struct group_call *call = LIST_ENTRY(it, struct group_call, node);
		list_remove(it);
		if (call->position > atomic_load(&partition->high_watermark)) {
			partition_ref(partition);
			wait_for(call, partition, call->position);
		}
		settle_one(call);
	}
}

void group_caller_of(struct request *req, struct group_caller *caller, char *host)
{
	const struct net_addr *peer = &req->conn->peer;
	bool tcp = req->conn->listener && peer->port >= 0 && peer->host[0];
	host[0] = '/';
	snprintf(host + 1, NET_HOST_MAX, "%s", tcp ? peer->host : "127.0.0.1");
	*caller = (struct group_caller){
		.client_id = req->header.client_id,
		.client_host = slice_str(host),
		.version = req->header.version,
	};
}
