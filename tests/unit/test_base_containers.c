/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "core/base/list.h"
#include "core/base/map.h"

#include <stdio.h>

static void map_holds_what_was_put(void **state)
{
	(void)state;
	enum { N = 5000 };
	static int values[N];
	struct map map;
	map_init(&map);
	char key[16];
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++) {
			snprintf(key, sizeof(key), "k%d", i);
			map_put(&map, slice_str(key), &values[i]);
		}
		assert_int_equal(map.count, N);
		for (int i = 0; i < N; i += 2) {
			snprintf(key, sizeof(key), "k%d", i);
			assert_ptr_equal(map_remove(&map, slice_str(key)), &values[i]);
			assert_null(map_get(&map, slice_str(key)));
		}
		assert_int_equal(map.count, N / 2);
		size_t pos = 0, seen = 0;
		while (map_next(&map, &pos)) {
			seen++;
		}
		assert_int_equal(seen, N / 2);
	}
	assert_null(map_get(&map, slice_str("absent")));
	map_fini(&map);
}

static void list_keeps_order_over_removal(void **state)
{
	(void)state;
	struct item {
		int n;
		struct list node;
	} items[4];
	struct list head;
	list_init(&head);
	for (int i = 0; i < 4; i++) {
		items[i].n = i;
		list_append(&head, &items[i].node);
	}
	list_remove(&items[1].node);
	list_remove(&items[1].node);
	int sum = 0;
	LIST_EACH_SAFE(it, &head)
	{
		sum = sum * 10 + LIST_ENTRY(it, struct item, node)->n;
		list_remove(it);
	}
	assert_int_equal(sum, 23);
	assert_true(list_empty(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_holds_what_was_put),
		cmocka_unit_test(list_keeps_order_over_removal),
	};
	return RUN(tests);
}
