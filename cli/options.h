/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Options, declared once: a table of typed rows that fill a struct. Parsing, -h, the manual page,
 * completion and help --json all read the same rows.
 *
 *   struct args { int32_t partitions; bool force; };
 *   static const struct opt opts[] = {
 *           OPT_I32(struct args, partitions, .name = "partitions", .letter = 'p', .arg = "N",
 *                   .def = "1", .min = 1, .max = 100, .help = "Number of partitions."),
 *           OPT_BOOL(struct args, force, .name = "force", .help = "Do it anyway."),
 *           OPT_END};
 *
 * "--name VALUE", "--name=VALUE", "-n VALUE", "-nVALUE"; letters may be grouped; a value may begin
 * with '-'. Long names are never abbreviated. "--" ends the options.
 */
#pragma once

#include "core/base/err.h"

#include <stdint.h>

enum opt_kind {
	OPT_KIND_END,
	OPT_KIND_BOOL,	   /* bool */
	OPT_KIND_COUNT,	   /* int: times given */
	OPT_KIND_I32,	   /* int32_t */
	OPT_KIND_I64,	   /* int64_t */
	OPT_KIND_SIZE,	   /* int64_t: bytes */
	OPT_KIND_DURATION, /* int64_t: ms */
	OPT_KIND_TIME,	   /* int64_t: ms since 1970 */
	OPT_KIND_STR,	   /* const char *: into argv */
	OPT_KIND_LIST,	   /* struct opt_list: may repeat */
	OPT_KIND_CHOICE,   /* int: index into choices */
};

/* Words given by a repeated option, in order; they point into argv. */
struct opt_list {
	const char **items;
	size_t count;
};

struct opt {
	enum opt_kind kind;
	size_t pos;		    /* of the member */
	const char *name;	    /* without "--" */
	char letter;		    /* 0: none */
	const char *arg;	    /* what the value is called: "N"; NULL for BOOL and COUNT */
	const char *def;	    /* default as text, shown in help; NULL: unset below */
	int64_t unset;		    /* value of a number that was not given and has no def */
	int64_t min, max;	    /* both 0: no range; for I32, I64, SIZE and DURATION */
	const char *const *choices; /* of CHOICE, NULL at the end */
	const char *bare; /* STR: value when given as "--name" without "="; NULL: value needed */
	const char *env;  /* environment variable that gives it too (help only) */
	const char *help; /* sentence */
};

#define OPT_POS(type, member, want) _Generic(((type *)0)->member, want : offsetof(type, member))
#define OPT_ROW(k, type, member, want, ...)                                                        \
	{                                                                                          \
		.kind = OPT_KIND_##k, .pos = OPT_POS(type, member, want), __VA_ARGS__              \
	}
#define OPT_BOOL(type, member, ...) OPT_ROW(BOOL, type, member, bool, __VA_ARGS__)
#define OPT_COUNT(type, member, ...) OPT_ROW(COUNT, type, member, int, __VA_ARGS__)
#define OPT_I32(type, member, ...) OPT_ROW(I32, type, member, int32_t, __VA_ARGS__)
#define OPT_I64(type, member, ...) OPT_ROW(I64, type, member, int64_t, __VA_ARGS__)
#define OPT_SIZE(type, member, ...) OPT_ROW(SIZE, type, member, int64_t, __VA_ARGS__)
#define OPT_DURATION(type, member, ...) OPT_ROW(DURATION, type, member, int64_t, __VA_ARGS__)
#define OPT_TIME(type, member, ...) OPT_ROW(TIME, type, member, int64_t, __VA_ARGS__)
#define OPT_STR(type, member, ...) OPT_ROW(STR, type, member, const char *, __VA_ARGS__)
#define OPT_LIST(type, member, ...) OPT_ROW(LIST, type, member, struct opt_list, __VA_ARGS__)
#define OPT_CHOICE(type, member, ...) OPT_ROW(CHOICE, type, member, int, __VA_ARGS__)
#define OPT_END                                                                                    \
	{                                                                                          \
		.kind = OPT_KIND_END                                                               \
	}

/* What to do about an error: the indented line under it. Empty: nothing. */
struct hint {
	char text[400];
};
void hint_set(struct hint *hint, const char *fmt, ...) WEIR_PRINTF(2, 3);

/* opts may be NULL in all of these. */
void opts_set_defaults(const struct opt *opts, void *args);
void opts_fini(const struct opt *opts, void *args); /* frees lists */
const struct opt *opts_find(const struct opt *opts, const char *name, size_t len);
const struct opt *opts_find_letter(const struct opt *opts, char letter);
/* Sets one option from text. Errors: USAGE, naming the option. */
WEIR_MUST_USE enum weir_code opt_set(
	const struct opt *opt, void *args, const char *text, struct weir_err *err);
bool opt_takes_value(const struct opt *opt);
/* The words ("--name=value", "--name") that give args its values again, to hand them on. */
void opts_words(const struct opt *opts, const void *args, void (*emit)(void *arg, const char *word),
	void *arg);

/* Takes options out of argv one after the other and hands out the words between them. */
struct opt_parser {
	int argc;
	char **argv;
	int next; /* index of the next word; after OPT_DASHES: of the first behind "--" */
	const char *letters;		  /* rest of a group of letters */
	const struct opt *opts, *globals; /* opts win; set them while parsing goes on */
	void *args, *global_args;
	struct hint *hint;
};

enum opt_event { OPT_WORD, OPT_DASHES, OPT_DONE };

/* Errors: USAGE; hint has a near name. */
WEIR_MUST_USE enum weir_code opts_next(
	struct opt_parser *parser, enum opt_event *event, const char **word, struct weir_err *err);
