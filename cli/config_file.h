/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration file of the commands: properties as Java writes them, for all or below a line
 * "[context NAME]" for one context; "include FILE" reads another one in its place. A Java or
 * librdkafka client's .properties file is one too.
 */
#pragma once

#include "core/base/err.h"

#include <stddef.h>

struct config_entry {
	char *context; /* NULL: of all */
	char *key, *value;
	char *origin; /* "~/.config/weir/config:12" */
};

struct config_context {
	char *name;
	char *file; /* that it begins in */
	char *origin;
};

struct config_file {
	struct config_entry *entries; /* each key of a context once: the last counts */
	size_t count;
	struct config_context *contexts; /* in the order of the file */
	size_t context_count;
	char *exposed; /* a file with a secret that others may read; NULL: none */
};

/*
 * Free config after an error too. Errors: NOT_FOUND, IO, TOO_LARGE, BAD_DATA with file and line.
 */
WEIR_MUST_USE enum weir_code config_file_read(
	struct config_file *config, const char *path, struct weir_err *err);
void config_file_fini(struct config_file *config);

/* NULL when not there. context NULL: of all. */
const struct config_entry *config_file_find(
	const struct config_file *config, const char *context, const char *key);
const struct config_context *config_file_context(
	const struct config_file *config, const char *name);

/*
 * The file that commands read: path when not NULL (-F), $WEIR_CONFIG, else the usual one; NULL when
 * there is no place for one. *named: it was asked for, so that it has to be there. The caller frees
 * it.
 */
char *config_file_path(const char *path, bool *named);
/* "~/x" for what lies in the home directory; the caller frees it. */
char *config_file_short(const char *path);

/* Whether a context may be called so. Errors: USAGE. */
WEIR_MUST_USE enum weir_code config_context_name(const char *name, struct weir_err *err);
