/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --latest-by-key: the topic as a table. The last record of each key is kept, a null value takes
 * the key out, records without a key have no place in it. Filters look at the table, not at what
 * was.
 */
#include "cli/consume_priv.h"

#include "core/base/map.h"
#include "core/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

struct latest {
	struct map rows; /* topic's index and key -> struct row */
	struct buf key;
	int64_t keyless;
};

static struct slice key_of(struct consume *c, const struct row *row)
{
	struct buf *key = &c->latest->key;
	uint32_t topic = 0;
	while (c->targets[topic].name != (const char *)row->topic.data) {
		topic++;
	}
	buf_reset(key);
	buf_add(key, &topic, sizeof(topic));
	buf_add(key, row->key.data, row->key.len);
	return slice_of(key->data, key->len);
}

enum weir_code consume_latest_take(struct consume *c, const struct row *row, struct weir_err *err)
{
	if (!c->latest) {
		c->latest = mem_new(sizeof(*c->latest));
		map_init(&c->latest->rows);
		buf_init(&c->latest->key, 0);
	}
	if (!row->key.data) {
		c->latest->keyless++;
		return WEIR_OK;
	}
	struct slice key = key_of(c, row);
	if (!row->value.data) {
		mem_free(map_remove(&c->latest->rows, key));
		return WEIR_OK;
	}
	struct row *copy = row_try_dup(row);
	if (!copy) {
		return err_set(err, WEIR_NO_MEMORY, "no memory for more than %zu keys",
			c->latest->rows.count);
	}
	mem_free(map_put(&c->latest->rows, key, copy));
	return WEIR_OK;
}

static int compare(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;
	if (x->topic.data != y->topic.data) {
		return x->topic.data < y->topic.data ? -1 : 1;
	}
	if (x->partition != y->partition) {
		return x->partition < y->partition ? -1 : 1;
	}
	return x->offset < y->offset ? -1 : 1;
}

enum weir_code consume_latest_print(struct consume *c, struct weir_err *err)
{
	size_t count = c->latest->rows.count, have = 0, pos = 0;
	struct row **rows = mem_array(count + 1, sizeof(struct row *));
	for (struct map_entry *e; (e = map_next(&c->latest->rows, &pos));) {
		rows[have++] = e->value;
	}
	qsort(rows, have, sizeof(*rows), compare);
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < have && code == WEIR_OK && consume_goes_on(c); i++) {
		bool printed;
		rows[i]->number = c->printed + 1;
		code = consume_put(c, rows[i], &printed, err);
	}
	mem_free(rows);
	if (c->latest->keyless) {
		ctx_warn(c->ctx, "%" PRId64 " record%s without a key left out", c->latest->keyless,
			c->latest->keyless == 1 ? "" : "s");
	}
	return code;
}

void consume_latest_free(struct consume *c)
{
	struct latest *latest = c->latest;
	if (!latest) {
		return;
	}
	size_t pos = 0;
	for (struct map_entry *e; (e = map_next(&latest->rows, &pos));) {
		mem_free(e->value);
	}
	map_fini(&latest->rows);
	buf_fini(&latest->key);
	MEM_FREE(&c->latest);
}
