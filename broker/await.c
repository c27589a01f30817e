/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/await.h"

#include "broker/broker_priv.h"
#include "core/base/mem.h"

struct await_part {
	struct list node;
	struct partition_wait wait;
	struct await *await;
	struct partition *partition; /* counted */
};

struct await {
	struct reply *reply;
	struct loop *loop;
	uint8_t *frame; /* a copy: the request is decoded anew */
	size_t frame_len;
	struct list parts;
	atomic_int pending;
	struct loop_post post;
};

static void on_post(struct loop_post *post)
{
	struct await *await = LIST_ENTRY(post, struct await, post);
	LIST_EACH_SAFE(it, &await->parts)
	{
		struct await_part *part = LIST_ENTRY(it, struct await_part, node);
		partition_unref(part->partition);
		mem_free(part);
	}
	dispatch_again(await->reply, await->frame, await->frame_len);
	mem_free(await->frame);
	mem_free(await);
}

static void settle(struct await *await)
{
	if (atomic_fetch_sub(&await->pending, 1) == 1) {
		loop_call(await->loop, &await->post);
	}
}

static void on_reached(struct partition_wait *wait, enum weir_code code)
{
	(void)code; /* the handler finds out */
	settle(LIST_ENTRY(wait, struct await_part, wait)->await);
}

void await_add(struct await **await, struct request *req, struct partition *p)
{
	int64_t told = atomic_load(&p->told_end);
	if (req->again || told <= atomic_load(&p->high_watermark)) {
		return;
	}
	if (!*await) {
		*await = mem_new(sizeof(**await));
		(*await)->reply = req->reply;
		(*await)->loop = req->conn->reactor->loop;
		(*await)->frame = mem_dup(req->frame.data, req->frame.len);
		(*await)->frame_len = req->frame.len;
		(*await)->post.run = on_post;
		list_init(&(*await)->parts);
		atomic_store(&(*await)->pending, 1);
	}
	struct await_part *part = mem_new(sizeof(*part));
	part->await = *await;
	part->partition = p;
	partition_ref(p);
	list_append(&(*await)->parts, &part->node);
	part->wait.offset = told;
	part->wait.fire = on_reached;
	atomic_fetch_add(&(*await)->pending, 1);
	if (!partition_wait_add(p, &part->wait)) {
		atomic_fetch_sub(&(*await)->pending, 1);
	}
}

bool await_park(struct await **await)
{
	if (!*await) {
		return false;
	}
	settle(*await);
	return true;
}
