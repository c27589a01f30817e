/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/props.h"

#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void props_fini(struct props *props)
{
	for (size_t i = 0; i < props->count; i++) {
		mem_free(props->items[i].key);
		mem_free(props->items[i].value);
		mem_free(props->items[i].origin);
	}
	mem_free(props->items);
	*props = (struct props){NULL, 0};
}

const struct prop *props_find(const struct props *props, const char *key)
{
	for (size_t i = 0; i < props->count; i++) {
		if (strcmp(props->items[i].key, key) == 0) {
			return &props->items[i];
		}
	}
	return NULL;
}

void props_add(struct props *props, const char *key, const char *value, const char *origin)
{
	if (strcmp(key, "metadata.broker.list") == 0) {
		key = "bootstrap.servers";
	}
	if (props_find(props, key)) {
		return;
	}
	props->items = mem_grow(props->items, props->count + 1, sizeof(*props->items));
	props->items[props->count++] = (struct prop){.key = mem_dup_str(key),
		.value = mem_dup_str(value),
		.origin = mem_dup_str(origin)};
}

enum weir_code props_add_pair(
	struct props *props, const char *pair, const char *origin, struct weir_err *err)
{
	const char *equals = strchr(pair, '=');
	if (!equals || equals == pair) {
		return err_set(err, WEIR_USAGE, "\"%s\" is not KEY=VALUE", pair);
	}
	char *key = mem_dup(pair, (size_t)(equals - pair));
	props_add(props, key, equals + 1, origin);
	mem_free(key);
	return WEIR_OK;
}

/* Whole file into buf, NUL at its end. */
static enum weir_code slurp(const char *path, struct buf *buf, struct weir_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return errno == ENOENT ? err_set(err, WEIR_NOT_FOUND, "%s: no such file", path)
				       : err_sys(err, errno, "%s", path);
	}
	enum weir_code code = WEIR_OK;
	for (;;) {
		if (!buf_reserve(buf, 4096)) {
			code = err_set(err, WEIR_TOO_LARGE, "%s: more than %d bytes", path,
				LIMIT_CONF_FILE);
			break;
		}
		ssize_t n = read(fd, buf->data + buf->len, 4096);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			code = err_sys(err, errno, "%s", path);
		}
		if (n <= 0) {
			break;
		}
		buf->len += (size_t)n;
	}
	close(fd);
	return code;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f';
}

static char *trim(char *text)
{
	while (is_blank(*text)) {
		text++;
	}
	size_t len = strlen(text);
	while (len && is_blank(text[len - 1])) {
		text[--len] = '\0';
	}
	return text;
}

/* "key = value", "key: value" or "key value"; false when there is no value. */
static bool split(char *line, char **key, char **value)
{
	char *end = line + strcspn(line, "=: \t");
	char *rest = end + strspn(end, " \t");
	if (*end == '\0' || end == line) {
		return false;
	}
	if (*rest == '=' || *rest == ':') {
		rest++;
	}
	*end = '\0';
	*key = line;
	*value = trim(rest);
	return true;
}

enum weir_code props_read(struct props *props, const char *path, struct weir_err *err)
{
	struct buf buf;
	buf_init(&buf, LIMIT_CONF_FILE);
	enum weir_code code = slurp(path, &buf, err);
	buf_add_byte(&buf, '\0');
	int number = 0;
	for (char *line = (char *)buf.data, *next; code == WEIR_OK && line; line = next) {
		number++;
		next = strchr(line, '\n');
		if (next) {
			*next++ = '\0';
		}
		char *text = trim(line);
		if (*text == '\0' || *text == '#' || *text == '!') {
			continue;
		}
		char *key, *value;
		if (!split(text, &key, &value)) {
			code = err_set(err, WEIR_BAD_DATA, "%s:%d: not KEY=VALUE", path, number);
			break;
		}
		char *origin = mem_printf("%s:%d", path, number);
		props_add(props, key, value, origin);
		mem_free(origin);
	}
	buf_fini(&buf);
	return code;
}
