/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Topics as a file says they shall be: properties below lines "[topic NAME]". "partitions" and
 * "replicas" are numbers, all others settings of the topic.
 */
#pragma once

#include "cli/context.h"

struct topic_def {
	char *name;
	int32_t partitions, replicas; /* -1: not said */
	struct topic_def_config {
		char *key, *value; /* value in Kafka's form: 604800000 for 7d */
	} * configs;
	size_t config_count;
	int line;
};

struct topic_file {
	struct topic_def *topics; /* in the order of the file */
	size_t count;
};

/* path "-": standard input. Free file after an error too. Errors: NOT_FOUND, IO, TOO_LARGE,
 * BAD_DATA, INVALID_CONFIG with file and line. */
WEIR_MUST_USE enum weir_code topic_file_read(
	const char *path, struct topic_file *file, struct weir_err *err);
void topic_file_fini(struct topic_file *file);

/* NULL when the definition does not say it. */
const char *topic_def_get(const struct topic_def *def, struct slice key);

/* A value as properties have it. */
void topic_file_add_value(struct buf *out, struct slice value);
