/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/wire_input.h"

#include "cli/base64.h"
#include "core/base/near.h"
#include "core/base/number.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { INPUT_BYTES_MAX = 256 * 1024 * 1024, READ_BYTES = 64 * 1024 };

static enum weir_code read_fd(int fd, const char *path, struct buf *out, struct weir_err *err)
{
	for (;;) {
		if (!buf_reserve(out, READ_BYTES)) {
			return err_set(err, WEIR_TOO_LARGE, "%s: more than %d bytes", path,
				INPUT_BYTES_MAX);
		}
		ssize_t n = read(fd, out->data + out->len, READ_BYTES);
		if (n < 0 && errno != EINTR) {
			return err_sys(err, errno, "%s", path);
		}
		if (n == 0) {
			return WEIR_OK;
		}
		out->len += n > 0 ? (size_t)n : 0;
	}
}

/* Takes white space out, then the digits become bytes. */
static enum weir_code from_hex(struct buf *text, const char *path, struct weir_err *err)
{
	size_t digits = 0, line = 1;
	for (size_t i = 0; i < text->len; i++) {
		uint8_t c = text->data[i];
		line += c == '\n';
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
			continue;
		}
		if (!isxdigit(c)) {
			return err_set(err, WEIR_BAD_DATA,
				"%s:%zu: byte 0x%02x is no hexadecimal digit", path, line, c);
		}
		text->data[digits++] = c;
	}
	if (digits % 2) {
		return err_set(err, WEIR_BAD_DATA, "%s: %zu hexadecimal digits, an odd number",
			path, digits);
	}
	struct buf bytes;
	buf_init(&bytes, INPUT_BYTES_MAX);
	bool good = hex_decode(&bytes, slice_of(text->data, digits)) && !bytes.failed;
	buf_fini(text);
	*text = bytes;
	return good ? WEIR_OK : err_set(err, WEIR_NO_MEMORY, "%s: no memory for it", path);
}

enum weir_code wire_input_read(const char *path, bool hex, struct buf *out, struct weir_err *err)
{
	bool standard = strcmp(path, "-") == 0;
	const char *name = standard ? "standard input" : path;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return errno == ENOENT ? err_set(err, WEIR_NOT_FOUND, "%s: no such file", path)
				       : err_sys(err, errno, "%s", path);
	}
	buf_init(out, INPUT_BYTES_MAX);
	enum weir_code code = read_fd(fd, name, out, err);
	if (!standard) {
		close(fd);
	}
	return code == WEIR_OK && hex ? from_hex(out, name, err) : code;
}

enum weir_code wire_api_parse(struct ctx *ctx, const char *text, const struct wire_api **api,
	int16_t *version, struct weir_err *err)
{
	char name[64];
	const char *colon = strchr(text, ':');
	int64_t number;
	struct near near;
	if (!colon || (size_t)(colon - text) >= sizeof(name)) {
		return err_set(err, WEIR_USAGE, "\"%s\" is not API:VERSION", text);
	}
	snprintf(name, sizeof(name), "%.*s", (int)(colon - text), text);
	near_init(&near, name);
	bool numeric = number_i64(name, 0, INT16_MAX, &number, NULL) == WEIR_OK;
	*api = numeric ? wire_api((int16_t)number) : NULL;
	for (size_t i = 0; wire_api_at(i) && !*api; i++) {
		near_offer(&near, wire_api_at(i)->name);
		*api = strcasecmp(wire_api_at(i)->name, name) ? NULL : wire_api_at(i);
	}
	if (!*api) {
		if (near.best) {
			hint_set(&ctx->hint, "did you mean %s?", near.best);
		}
		return err_set(err, WEIR_USAGE, "no API \"%s\"", name);
	}
	if (number_i64(colon + 1, (*api)->min, (*api)->max, &number, err) != WEIR_OK) {
		return err_wrap(err, "version of %s", (*api)->name);
	}
	*version = (int16_t)number;
	return WEIR_OK;
}
