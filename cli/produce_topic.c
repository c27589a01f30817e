/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/produce_topic.h"

#include "cli/topic_common.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/client/client.h"
#include "core/wire/messages.h"

#include <poll.h>

enum { LOOK_AGAIN_MS = 20 };

enum weir_code topic_unknown(struct ctx *ctx, enum weir_code code, struct weir_err *err)
{
	char *mean = strstr(err->text, "; did you mean ");
	if (mean) {
		hint_set(&ctx->hint, "%s", mean + 2);
		*mean = '\0';
	}
	return code;
}

static enum weir_code create(struct client *client, const char *topic, int32_t partitions,
	int64_t timeout_ms, struct weir_err *err)
{
	struct create_topics_request_creatable_topic wanted = {
		.name = slice_str(topic), .num_partitions = partitions, .replication_factor = -1};
	struct create_topics_request request;
	struct create_topics_response answer = {0};
	wire_defaults(&create_topics_request_message, &request);
	request.topics = &wanted;
	request.topics_count = 1;
	request.timeout_ms = (int32_t)timeout_ms;
	struct arena arena;
	arena_init(&arena, (size_t)LIMIT_FRAME_DEFAULT);
	enum weir_code code = client_call(client, CLIENT_CONTROLLER, REQUEST_CREATE_TOPICS,
		&request, &arena, &answer, NULL, err);
	if (code == WEIR_OK && answer.topics_count != 1) {
		code = err_set(err, WEIR_PROTOCOL, "CreateTopics: the answer leaves the topic out");
	}
	if (code == WEIR_OK && answer.topics[0].error_code &&
		answer.topics[0].error_code != WEIR_TOPIC_ALREADY_EXISTS) {
		const struct err_info *info = err_info(answer.topics[0].error_code);
		struct slice why = answer.topics[0].error_message;
		why = why.len ? why : slice_str(info->text);
		code = err_set(err, info->code, "cannot create topic \"%s\": %.*s", topic,
			(int)(why.len < 160 ? why.len : 160), (const char *)why.data);
	}
	arena_fini(&arena);
	return code;
}

static enum weir_code look(struct client *client, const char *topic, struct weir_err *err)
{
	struct arena arena;
	arena_init(&arena, (size_t)LIMIT_FRAME_DEFAULT);
	const struct client_topic *found;
	enum weir_code code = client_topic(client, topic, &arena, &found, err);
	arena_fini(&arena);
	return code;
}

enum weir_code topic_ensure(struct ctx *ctx, struct client *client, const char *topic,
	int32_t partitions, struct weir_err *err)
{
	int64_t timeout_ms = ctx->globals.timeout_ms;
	int64_t deadline_ms = clock_mono_ms() + timeout_ms;
	enum weir_code code = look(client, topic, err);
	if (code != WEIR_UNKNOWN_TOPIC_OR_PARTITION || !partitions || ctx->globals.dry_run) {
		return code == WEIR_OK ? code : topic_unknown(ctx, code, err);
	}
	code = create(client, topic, partitions, timeout_ms, err);
	/* A broker may learn of it a little later. */
	while (code == WEIR_OK) {
		code = look(client, topic, err);
		if (code != WEIR_UNKNOWN_TOPIC_OR_PARTITION || clock_mono_ms() >= deadline_ms) {
			return code;
		}
		poll(NULL, 0, LOOK_AGAIN_MS);
		code = WEIR_OK;
	}
	return code;
}
