/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the last word of a command line may become: commands, options, choices, topics, groups,
 * settings. Read from the tables, and from the cluster or data directory that the line names.
 */
#pragma once

#include "cli/context.h"

/* One of them; word and help (may be NULL) are borrowed. A word that ends with '=' or ':' goes on.
 */
typedef void candidate_fn(void *arg, const char *word, const char *help);

/* Handed out instead of words: names of files, or of folders only. */
#define CANDIDATE_FILES ":files"
#define CANDIDATE_FOLDERS ":folders"

/*
 * words: those of the line but for "weir"; the last (may be "") is the one to complete. Global
 * options among them are set in ctx. A cluster that does not answer gives no names.
 */
void candidates_find(
	struct ctx *ctx, const char *const *words, size_t count, candidate_fn *emit, void *arg);

/* Topics, groups and data directories by the name that tables give an argument, "TOPIC"; true when
 * kind is one of these. */
struct candidate_sink {
	const char *partial; /* only words that begin so */
	const char *before;  /* put before each word */
	candidate_fn *emit;
	void *arg;
};
void candidate_offer(const struct candidate_sink *sink, const char *word, const char *help);
bool candidates_of_cluster(struct ctx *ctx, const char *kind, const struct candidate_sink *sink);
