/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/group/assignor.h"

#include "core/base/mem.h"

#include <stdlib.h>

static int compare_slices(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.data, b.data, len) : 0;
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Static members first, by instance: they keep their place over a restart. */
static int compare(const void *a, const void *b)
{
	const struct assign_member *x = *(struct assign_member *const *)a;
	const struct assign_member *y = *(struct assign_member *const *)b;
	if (x->instance_id.data && y->instance_id.data) {
		return compare_slices(x->instance_id, y->instance_id);
	}
	if (x->instance_id.data || y->instance_id.data) {
		return x->instance_id.data ? -1 : 1;
	}
	return compare_slices(x->id, y->id);
}

struct share {
	int32_t subscribers, least, extra, next;
};

static void give_run(
	struct assign_member *member, const struct assign_topic *topic, struct share *share)
{
	int32_t count = share->least + (share->extra > 0);
	share->extra -= share->extra > 0;
	for (int32_t i = 0; i < count && share->next < topic->partitions; i++) {
		tp_set_append(&member->after, topic->id, share->next++, -1);
	}
}

void assignor_range(struct assign_spec *spec)
{
	struct assign_member **order = mem_array(spec->member_count, sizeof(*order));
	struct share *shares = mem_array(spec->topic_count, sizeof(*shares));
	for (size_t m = 0; m < spec->member_count; m++) {
		order[m] = &spec->members[m];
		for (size_t t = 0; t < order[m]->topic_count; t++) {
			shares[order[m]->topics[t]].subscribers++;
		}
	}
	qsort(order, spec->member_count, sizeof(*order), compare);
	for (size_t t = 0; t < spec->topic_count; t++) {
		if (shares[t].subscribers) {
			shares[t].least = spec->topics[t].partitions / shares[t].subscribers;
			shares[t].extra = spec->topics[t].partitions % shares[t].subscribers;
		}
	}
	for (size_t m = 0; m < spec->member_count; m++) {
		for (size_t t = 0; t < order[m]->topic_count; t++) {
			uint32_t topic = order[m]->topics[t];
			give_run(order[m], &spec->topics[topic], &shares[topic]);
		}
		tp_set_sort(&order[m]->after);
	}
	mem_free(order);
	mem_free(shares);
}
