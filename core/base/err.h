/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Errors: one code and one text that names the object and the numbers.
 *
 * A fallible function returns enum weir_code and takes struct weir_err *err last. On failure err
 * says what went wrong; on success *err is not touched, so calls chain. The caller owns err; no
 * allocation happens on the error path. err may be NULL where the caller wants the code only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define WEIR_MUST_USE __attribute__((warn_unused_result))
#define WEIR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum weir_code {
	WEIR_OK = 0,
#define ERR(name, number, retriable, exit_status, text) WEIR_##name = number,
#include "core/base/errors.def"
#undef ERR
};

struct weir_err {
	enum weir_code code;
	int sys_errno;	/* errno behind the error, 0 if none */
	char text[240]; /* ends with "..." when it had to be cut */
};

struct err_info {
	enum weir_code code;
	const char *name; /* "OFFSET_OUT_OF_RANGE" */
	const char *text;
	bool retriable;
	int exit_status;
};

/* Fills err (may be NULL) and returns code, so that "return err_set(...)" reads well. */
enum weir_code err_set(struct weir_err *err, enum weir_code code, const char *fmt, ...)
	WEIR_PRINTF(3, 4);

/* As err_set, with errno's text appended; code is NO_SPACE for ENOSPC, EDQUOT and EFBIG, else
 * IO. */
enum weir_code err_sys(struct weir_err *err, int sys_errno, const char *fmt, ...) WEIR_PRINTF(3, 4);

/* Puts "prefix: " before the text on the way up. Returns err->code. */
enum weir_code err_wrap(struct weir_err *err, const char *fmt, ...) WEIR_PRINTF(2, 3);

/* Row of the table; unknown codes give UNKNOWN_SERVER_ERROR's row. WEIR_OK gives a row named NONE.
 */
const struct err_info *err_info(int code);

/* Row i of the table in order, or NULL past its end. */
const struct err_info *err_info_at(size_t i);

/* Finds a row by number or name ("3", "UNKNOWN_TOPIC_OR_PARTITION", case ignored); NULL if none. */
const struct err_info *err_info_find(const char *number_or_name);

/* The only place that turns a code into one that may be sent: local codes map to Kafka's. */
int err_to_wire(enum weir_code code);

/* Programmer error: prints file:line and aborts. Never for bytes from outside. */
#define WEIR_ASSERT(cond) ((cond) ? (void)0 : weir_bug(__FILE__, __LINE__, #cond))
#define WEIR_BUG_AT(what) weir_bug(__FILE__, __LINE__, what)
_Noreturn void weir_bug(const char *file, int line, const char *what);
