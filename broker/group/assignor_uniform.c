/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Same subscriptions: the share of each member is known beforehand, so one pass takes away what is
 * above it and one hands out what is free. Different subscriptions: everybody keeps what it may,
 * free partitions go to the least loaded subscriber, then partitions move from the most to the
 * least loaded subscriber of their topic while that evens the two out. Each move lowers the sum of
 * squared loads, so it ends; the number of moves is bounded all the same.
 */
#include "broker/group/assignor.h"

#include "core/base/mem.h"

static size_t topic_index(const struct assign_spec *spec, struct uuid id)
{
	size_t from = 0, end = spec->topic_count;
	while (from < end) {
		size_t middle = from + (end - from) / 2;
		int order = memcmp(spec->topics[middle].id.bytes, id.bytes, sizeof(id.bytes));
		if (order == 0) {
			return middle;
		}
		if (order < 0) {
			from = middle + 1;
		} else {
			end = middle;
		}
	}
	return SIZE_MAX;
}

static bool subscribes(const struct assign_member *member, size_t topic)
{
	size_t from = 0, end = member->topic_count;
	while (from < end) {
		size_t middle = from + (end - from) / 2;
		if (member->topics[middle] == topic) {
			return true;
		}
		if (member->topics[middle] < topic) {
			from = middle + 1;
		} else {
			end = middle;
		}
	}
	return false;
}

/* Who owns each partition, by place: the topic's first place plus the partition. */
struct board {
	struct assign_spec *spec;
	size_t *first;	 /* of each topic; one more for the end */
	uint32_t *owner; /* member + 1; 0: nobody */
	size_t *load;	 /* of each member */
};

static void board_init(struct board *b, struct assign_spec *spec)
{
	b->spec = spec;
	b->first = mem_array(spec->topic_count + 1, sizeof(*b->first));
	b->load = mem_array(spec->member_count, sizeof(*b->load));
	for (size_t t = 0; t < spec->topic_count; t++) {
		b->first[t + 1] = b->first[t] + (size_t)spec->topics[t].partitions;
	}
	b->owner = mem_array(b->first[spec->topic_count], sizeof(*b->owner));
}

/* What each had and may keep, up to most; the earlier member wins what two claim. */
static void keep(struct board *b, size_t m, size_t most)
{
	const struct assign_member *member = &b->spec->members[m];
	size_t t = SIZE_MAX;
	for (size_t i = 0; i < member->before->count && b->load[m] < most; i++) {
		const struct tp *it = &member->before->items[i];
		if (i == 0 || !uuid_equal(it->topic, it[-1].topic)) {
			t = topic_index(b->spec, it->topic);
			t = t != SIZE_MAX && subscribes(member, t) ? t : SIZE_MAX;
		}
		if (t == SIZE_MAX || it->partition < 0 ||
			it->partition >= b->spec->topics[t].partitions) {
			continue;
		}
		uint32_t *owner = &b->owner[b->first[t] + (size_t)it->partition];
		if (!*owner) {
			*owner = (uint32_t)m + 1;
			b->load[m]++;
		}
	}
}

static void finish(struct board *b)
{
	for (size_t t = 0; t < b->spec->topic_count; t++) {
		for (size_t at = b->first[t]; at < b->first[t + 1]; at++) {
			if (b->owner[at]) {
				tp_set_append(&b->spec->members[b->owner[at] - 1].after,
					b->spec->topics[t].id, (int32_t)(at - b->first[t]), -1);
			}
		}
	}
	mem_free(b->first);
	mem_free(b->owner);
	mem_free(b->load);
}

static void share_evenly(struct board *b)
{
	const struct assign_spec *spec = b->spec;
	size_t total = 0;
	for (size_t i = 0; i < spec->members[0].topic_count; i++) {
		total += (size_t)spec->topics[spec->members[0].topics[i]].partitions;
	}
	size_t least = total / spec->member_count, extra = total % spec->member_count;
	/* Who has more already is the one to keep the odd partition. */
	size_t *quota = mem_array(spec->member_count, sizeof(*quota));
	for (size_t m = 0; m < spec->member_count; m++) {
		quota[m] = least;
		if (extra && spec->members[m].before->count > least) {
			quota[m]++;
			extra--;
		}
	}
	for (size_t m = 0; m < spec->member_count && extra; m++) {
		if (quota[m] == least) {
			quota[m]++;
			extra--;
		}
	}
	for (size_t m = 0; m < spec->member_count; m++) {
		keep(b, m, quota[m]);
	}
	size_t m = 0;
	for (size_t i = 0; i < spec->members[0].topic_count; i++) {
		size_t t = spec->members[0].topics[i];
		for (size_t at = b->first[t]; at < b->first[t + 1]; at++) {
			while (m < spec->member_count && b->load[m] >= quota[m]) {
				m++;
			}
			if (!b->owner[at] && m < spec->member_count) {
				b->owner[at] = (uint32_t)m + 1;
				b->load[m]++;
			}
		}
	}
	mem_free(quota);
}

/* The members that subscribe to each topic. */
struct audience {
	uint32_t *members;
	size_t count;
};

static struct audience *list_audiences(const struct assign_spec *spec)
{
	struct audience *all = mem_array(spec->topic_count, sizeof(*all));
	for (size_t m = 0; m < spec->member_count; m++) {
		for (size_t i = 0; i < spec->members[m].topic_count; i++) {
			all[spec->members[m].topics[i]].count++;
		}
	}
	for (size_t t = 0; t < spec->topic_count; t++) {
		all[t].members = mem_array(all[t].count, sizeof(*all[t].members));
		all[t].count = 0;
	}
	for (uint32_t m = 0; m < spec->member_count; m++) {
		for (size_t i = 0; i < spec->members[m].topic_count; i++) {
			struct audience *one = &all[spec->members[m].topics[i]];
			one->members[one->count++] = m;
		}
	}
	return all;
}

static uint32_t least_loaded(const struct board *b, const struct audience *audience)
{
	uint32_t best = audience->members[0];
	for (size_t i = 1; i < audience->count; i++) {
		if (b->load[audience->members[i]] < b->load[best]) {
			best = audience->members[i];
		}
	}
	return best;
}

static void hand_out(struct board *b, const struct audience *audiences)
{
	for (size_t t = 0; t < b->spec->topic_count; t++) {
		for (size_t at = b->first[t]; at < b->first[t + 1] && audiences[t].count; at++) {
			if (!b->owner[at]) {
				uint32_t m = least_loaded(b, &audiences[t]);
				b->owner[at] = m + 1;
				b->load[m]++;
			}
		}
	}
}

/* One pass over the topic; how many partitions moved. */
static size_t even_out(struct board *b, size_t t, const struct audience *audience)
{
	size_t moved = 0;
	for (size_t at = b->first[t]; at < b->first[t + 1] && audience->count > 1; at++) {
		uint32_t from = b->owner[at] - 1, to = least_loaded(b, audience);
		if (b->load[from] > b->load[to] + 1) {
			b->owner[at] = to + 1;
			b->load[from]--;
			b->load[to]++;
			moved++;
		}
	}
	return moved;
}

static void share_by_subscription(struct board *b)
{
	enum { PASSES_MAX = 32 };
	struct audience *audiences = list_audiences(b->spec);
	for (size_t m = 0; m < b->spec->member_count; m++) {
		keep(b, m, SIZE_MAX);
	}
	hand_out(b, audiences);
	size_t moved = 1;
	for (int pass = 0; pass < PASSES_MAX && moved; pass++) {
		moved = 0;
		for (size_t t = 0; t < b->spec->topic_count; t++) {
			moved += even_out(b, t, &audiences[t]);
		}
	}
	for (size_t t = 0; t < b->spec->topic_count; t++) {
		mem_free(audiences[t].members);
	}
	mem_free(audiences);
}

void assignor_uniform(struct assign_spec *spec)
{
	struct board b;
	if (!spec->member_count) {
		return;
	}
	board_init(&b, spec);
	if (spec->same) {
		share_evenly(&b);
	} else {
		share_by_subscription(&b);
	}
	finish(&b);
}
