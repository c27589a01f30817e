/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes to the configuration file that keep everything else as somebody wrote it. Each replaces
 * the file at once, or leaves it alone.
 */
#pragma once

#include "cli/context.h"

/* The file that -F, $WEIR_CONFIG or the usual place mean; the caller frees it. Errors: NOT_FOUND
 * when there is no home directory. */
WEIR_MUST_USE enum weir_code config_edit_path(
	const struct ctx *ctx, char **path, struct weir_err *err);

/* A "[context name]" at the end. The file and its folder are made if absent. */
WEIR_MUST_USE enum weir_code config_edit_add(
	const char *path, const char *name, const struct props *props, struct weir_err *err);
/* Takes the context's section out, and default-context if it names it. */
WEIR_MUST_USE enum weir_code config_edit_remove(
	const char *path, const char *name, struct weir_err *err);
/* Sets default-context; name NULL: takes it out. */
WEIR_MUST_USE enum weir_code config_edit_default(
	const char *path, const char *name, struct weir_err *err);
