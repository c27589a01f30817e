/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct err_info rows[] = {
	{WEIR_OK, "NONE", "no error", false, 0},
#define ERR(name, number, retriable, exit_status, text)                                            \
	{WEIR_##name, #name, text, retriable, exit_status},
#include "core/base/errors.def"
#undef ERR
};

static const size_t row_count = sizeof(rows) / sizeof(rows[0]);

static void mark_cut(struct weir_err *err, int wanted)
{
	if (wanted >= (int)sizeof(err->text)) {
		memcpy(err->text + sizeof(err->text) - 4, "...", 4);
	}
}

static void WEIR_PRINTF(3, 0)
	set_text(struct weir_err *err, enum weir_code code, const char *fmt, va_list args)
{
	err->code = code;
	err->sys_errno = 0;
	mark_cut(err, vsnprintf(err->text, sizeof(err->text), fmt, args));
}

enum weir_code err_set(struct weir_err *err, enum weir_code code, const char *fmt, ...)
{
	if (err) {
		va_list args;
		va_start(args, fmt);
		set_text(err, code, fmt, args);
		va_end(args);
	}
	return code;
}

enum weir_code err_sys(struct weir_err *err, int sys_errno, const char *fmt, ...)
{
	bool full = sys_errno == ENOSPC || sys_errno == EDQUOT || sys_errno == EFBIG;
	enum weir_code code = full ? WEIR_NO_SPACE : WEIR_IO;
	if (err) {
		va_list args;
		va_start(args, fmt);
		set_text(err, code, fmt, args);
		va_end(args);
		err->sys_errno = sys_errno;
		size_t len = strlen(err->text);
		char why[96];
		const char *text = strerror_r(sys_errno, why, sizeof(why));
		int more = snprintf(err->text + len, sizeof(err->text) - len, ": %s", text);
		mark_cut(err, (int)len + more);
	}
	return code;
}

enum weir_code err_wrap(struct weir_err *err, const char *fmt, ...)
{
	WEIR_ASSERT(err);
	char old[sizeof(err->text)];
	memcpy(old, err->text, sizeof(old));
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	if (len >= 0 && (size_t)len < sizeof(err->text)) {
		size_t room = sizeof(err->text) - (size_t)len;
		int more = snprintf(err->text + len, room, ": %s", old);
		len += more;
	}
	mark_cut(err, len);
	return err->code;
}

const struct err_info *err_info(int code)
{
	for (size_t i = 0; i < row_count; i++) {
		if ((int)rows[i].code == code) {
			return &rows[i];
		}
	}
	return err_info(WEIR_UNKNOWN_SERVER_ERROR);
}

const struct err_info *err_info_at(size_t i)
{
	return i < row_count ? &rows[i] : NULL;
}

const struct err_info *err_info_find(const char *number_or_name)
{
	char *end;
	long number = strtol(number_or_name, &end, 10);
	bool is_number = end != number_or_name && *end == '\0';
	for (size_t i = 0; i < row_count; i++) {
		if (is_number ? rows[i].code == number
			      : !strcasecmp(rows[i].name, number_or_name)) {
			return &rows[i];
		}
	}
	return NULL;
}

int err_to_wire(enum weir_code code)
{
	switch (code) {
	case WEIR_IO:
	case WEIR_NO_SPACE:
	case WEIR_LOCAL_CORRUPT:
		return WEIR_KAFKA_STORAGE_ERROR;
	case WEIR_TIMEOUT:
		return WEIR_REQUEST_TIMED_OUT;
	case WEIR_BAD_DATA:
		return WEIR_CORRUPT_MESSAGE;
	case WEIR_TOO_LARGE:
		return WEIR_MESSAGE_TOO_LARGE;
	case WEIR_NOT_FOUND:
		return WEIR_UNKNOWN_TOPIC_OR_PARTITION;
	default:
		return code < WEIR_UNKNOWN_SERVER_ERROR ? WEIR_UNKNOWN_SERVER_ERROR : (int)code;
	}
}

_Noreturn void weir_bug(const char *file, int line, const char *what)
{
	fprintf(stderr, "weir: bug at %s:%d: %s\n", file, line, what);
	abort();
}
