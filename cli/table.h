/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a command lists: rows of typed columns, printed in the form of -O. On a terminal aligned and
 * cut to its width, in a pipe tab-separated with raw numbers; json is one array, jsonl an object a
 * line.
 *
 * Cells are given in column order; a row ends by itself with its last cell. Borrowed arguments are
 * copied.
 */
#pragma once

#include "cli/context.h"
#include "core/base/bytes.h"

enum column_kind {
	COLUMN_TEXT,
	COLUMN_NUMBER,
	COLUMN_BYTES,	 /* a terminal shows 1.2M */
	COLUMN_DURATION, /* ms; a terminal shows 5s */
	COLUMN_TIME,	 /* ms since 1970; a terminal shows RFC 3339 */
	COLUMN_BOOL,
	COLUMN_NUMBERS, /* 1,2,3; an array in json */
	COLUMN_RESULT,	/* text; bad and doubtful ones are coloured on a terminal */
};

struct column {
	const char *name; /* lower case, '_' between words; NULL ends the list */
	enum column_kind kind;
	const char *help; /* sentence, for -O schema and the manual; never NULL */
};

struct table;

/* Prints nothing before the first row, but a json array and the head always come. */
struct table *table_new(struct ctx *ctx, const struct column *columns);
/* One that prints nothing. */
struct table *table_new_silent(struct ctx *ctx, const struct column *columns);
void table_text(struct table *table, const char *text);	  /* NULL: null */
void table_slice(struct table *table, struct slice text); /* data NULL: null */
void table_number(struct table *table, int64_t number);
void table_known(struct table *table, int64_t number); /* negative: null */
void table_bool(struct table *table, bool value);
void table_numbers(struct table *table, const int32_t *numbers, int32_t count);
void table_null(struct table *table);
/* Prints the rows that were kept to find widths; later ones fit where they can. */
void table_flush(struct table *table);
/* Prints what is left and frees. */
void table_end(struct table **table);

/* The JSON schema of the columns' rows. */
void table_print_schema(struct out *out, const struct column *columns);
