/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/props.h"

#include "core/base/mem.h"

#include <string.h>

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
