/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an operator watches: does every broker answer, has every partition a leader and enough
 * replicas, is there room on the disks.
 */
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/doctor.h"
#include "cli/settings.h"
#include "cli/topic_common.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/number.h"

#include <inttypes.h>
#include <stdio.h>

struct cluster_health_args {
	int32_t room_percent;
};

static const struct opt opts[] = {
	OPT_I32(struct cluster_health_args, room_percent, .name = "room", .arg = "PERCENT",
		.def = "10", .min = 0, .max = 100,
		.help = "Free part of a disk below which the check fails."),
	OPT_END,
};

static const struct example examples[] = {
	{"weir cluster health", "Shows each check; exit status 1 when one fails."},
	{"weir cluster health -q >/dev/null && echo healthy", "Asks for the exit status only."},
	{NULL, NULL},
};

static enum weir_code cluster_health_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_cluster_health = {
	.path = "cluster health",
	.summary = "Checks whether a cluster is well.",
	.details = "Exit status 1 when a check fails; a warning is none. Where no broker can be "
		   "reached at all, 3.",
	.opts = opts,
	.args_size = sizeof(struct cluster_health_args),
	.needs = NEEDS_CLIENT,
	.columns = doctor_columns,
	.examples = examples,
	.run = cluster_health_run,
};

struct health {
	struct doctor doctor;
	struct client *client;
	const struct cluster_health_args *args;
	struct client_cluster cluster;
	struct arena arena;
};

static void check_disks(
	struct health *h, int32_t node, const struct describe_log_dirs_response *response)
{
	for (int32_t i = 0; i < response->results_count; i++) {
		const struct describe_log_dirs_response_describe_log_dirs_result *r =
			&response->results[i];
		char *subject = mem_printf("broker %d %.*s", (int)node, (int)r->log_dir.len,
			(const char *)r->log_dir.data);
		if (r->error_code) {
			doctor_put(&h->doctor, "disk", subject, FINDING_FAIL,
				"the broker works without this directory", "%s",
				err_info(r->error_code)->text);
		} else if (r->total_bytes <= 0 || r->usable_bytes < 0) {
			doctor_put(&h->doctor, "disk", subject, FINDING_SKIP, NULL,
				"the broker does not tell its size");
		} else {
			int64_t percent = r->usable_bytes / (r->total_bytes / 100 + 1);
			bool low = percent < h->args->room_percent;
			doctor_put(&h->doctor, "disk", subject, low ? FINDING_FAIL : FINDING_OK,
				low ? "add room, or shorten retention (weir topic alter)" : NULL,
				"%" PRId64 "%% free", percent);
		}
		mem_free(subject);
	}
}

/* An answer that needs the broker itself and its disks. */
static void check_broker(struct health *h, int32_t node)
{
	struct describe_log_dirs_request request;
	struct describe_log_dirs_request_describable_log_dir_topic none;
	struct describe_log_dirs_response response = {0};
	struct weir_err why;
	char subject[40];
	snprintf(subject, sizeof(subject), "broker %d", (int)node);
	wire_defaults(&describe_log_dirs_request_message, &request);
	request.topics = &none;
	enum weir_code code = client_call(h->client, node, REQUEST_DESCRIBE_LOG_DIRS, &request,
		&h->arena, &response, NULL, &why);
	if (code != WEIR_OK) {
		doctor_put(&h->doctor, "broker", subject, FINDING_FAIL,
			"weir doctor looks at every step on the way there", "%s", why.text);
		return;
	}
	doctor_put(&h->doctor, "broker", subject, FINDING_OK, NULL, "answers");
	check_disks(h, node, &response);
}

static void check_controller(struct health *h)
{
	bool there = false;
	for (size_t i = 0; i < h->cluster.node_count; i++) {
		there = there || h->cluster.nodes[i].id == h->cluster.controller;
	}
	doctor_put(&h->doctor, "controller", h->cluster.id ? h->cluster.id : "(no cluster id)",
		there ? FINDING_OK : FINDING_FAIL,
		there ? NULL : "topics cannot be changed without one", "controller %d",
		(int)h->cluster.controller);
}

static int64_t min_isr(const struct settings *settings)
{
	const struct describe_configs_response_describe_configs_resource_result *e =
		settings_find(settings, "min.insync.replicas");
	int64_t value = 1;
	if (e && e->value.data) {
		char *text = mem_dup(e->value.data, e->value.len);
		(void)!number_i64(text, 1, INT32_MAX, &value, NULL);
		mem_free(text);
	}
	return value;
}

/* Partitions that take no record with acks=all. */
static enum weir_code check_min_isr(struct health *h, struct weir_err *err)
{
	size_t count = h->cluster.topic_count;
	struct settings_of *of = mem_array(count + 1, sizeof(*of));
	struct settings *settings = mem_array(count + 1, sizeof(*settings));
	int64_t below = 0;
	const char *first = NULL;
	for (size_t i = 0; i < count; i++) {
		const char *name = h->cluster.topics[i].name;
		of[i] = (struct settings_of){SETTINGS_OF_TOPIC, name, name};
	}
	enum weir_code code =
		count ? settings_ask(h->client, of, count, &h->arena, settings, err) : WEIR_OK;
	for (size_t t = 0; code == WEIR_OK && t < count; t++) {
		const struct client_topic *topic = &h->cluster.topics[t];
		int64_t wanted = settings[t].error ? 1 : min_isr(&settings[t]);
		for (int32_t p = 0; p < topic->partition_count; p++) {
			if (topic->partitions[p].isr_count < wanted) {
				below++;
				first = first ? first : topic->name;
			}
		}
	}
	if (code == WEIR_OK) {
		doctor_put(&h->doctor, "topics", "min.insync.replicas",
			below ? FINDING_FAIL : FINDING_OK,
			below ? "they take no records with acks=all until replicas catch up" : NULL,
			"%" PRId64 " partitions with too few replicas in sync%s%s", below,
			first ? ", of topic " : "", first ? first : "");
	}
	mem_free(of);
	mem_free(settings);
	return code;
}

static enum weir_code check_all(struct health *h, struct weir_err *err)
{
	enum weir_code code = client_describe(h->client, &h->arena, &h->cluster, err);
	if (code != WEIR_OK) {
		return code;
	}
	h->doctor.table = table_new(h->doctor.ctx, doctor_columns);
	check_controller(h);
	for (size_t i = 0; i < h->cluster.node_count; i++) {
		check_broker(h, h->cluster.nodes[i].id);
	}
	doctor_topics(&h->doctor, h->client, &h->cluster);
	code = check_min_isr(h, err);
	table_end(&h->doctor.table);
	return code == WEIR_OK ? doctor_end(&h->doctor, err) : code;
}

static enum weir_code cluster_health_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	struct health h = {.doctor = {.ctx = ctx}, .args = args};
	enum weir_code code = connect_client(ctx, &h.client, err);
	if (code != WEIR_OK) {
		return code;
	}
	arena_init(&h.arena, 0);
	code = check_all(&h, err);
	arena_fini(&h.arena);
	return code;
}
