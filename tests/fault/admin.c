/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fault/admin.h"

#include "core/base/mem.h"
#include "core/base/random.h"

#include <stdio.h>
#include <time.h>

static int64_t stamp(const struct admin *admin)
{
	return admin->load->clock ? atomic_load(admin->load->clock) : 0;
}

void admin_init(struct admin *admin, struct load *load)
{
	*admin = (struct admin){.load = load};
}

void admin_fini(struct admin *admin)
{
	mem_free(admin->facts);
	mem_free(admin->trims);
}

static void *more(void *all, size_t count, size_t size)
{
	return count & (count - 1) ? all : mem_grow(all, count ? count * 2 : 1, size);
}

static enum fate fate_at(const struct admin *admin, int topic, int64_t until)
{
	enum fate fate = FATE_ABSENT;
	for (size_t i = 0; i < admin->fact_count; i++) {
		const struct admin_fact *fact = &admin->facts[i];
		if (fact->topic != topic || fact->begin > until) {
			continue;
		}
		fate = fact->end <= until && fact->end != INT64_MAX ? fact->to : FATE_PERHAPS;
	}
	return fate;
}

static void note_fate(struct admin *admin, int topic, enum fate to, int64_t begin, int64_t end)
{
	admin->facts = more(admin->facts, admin->fact_count, sizeof(*admin->facts));
	admin->facts[admin->fact_count++] = (struct admin_fact){topic, to, begin, end};
}

static bool make_or_delete(struct admin *admin, struct peer *peer)
{
	int topic = (int)random_below(ADMIN_TOPICS);
	char name[16];
	int16_t code = 0;
	enum fate before = fate_at(admin, topic, MODEL_NOW);
	enum fate to = before == FATE_ABSENT ? FATE_PRESENT : FATE_ABSENT;
	snprintf(name, sizeof(name), "a%d", topic);
	note_fate(admin, topic, to, stamp(admin), INT64_MAX);
	bool answered = to == FATE_PRESENT ? peer_create_topic(peer, name, 2, 0, &code)
					   : peer_delete_topic(peer, name, &code);
	struct admin_fact *fact = &admin->facts[admin->fact_count - 1];
	if (!answered) {
		return false;
	}
	fact->end = stamp(admin);
	if (code && admin->load->allow && admin->load->allow(code)) {
		fact->to = FATE_PERHAPS;
	} else if (code) {
		model_fault(admin->load->model, "topic %s: %s", name, err_info(code)->name);
	}
	return true;
}

static bool trim(struct admin *admin, struct peer *peer)
{
	int partition = (int)random_below((uint64_t)admin->load->model->partitions);
	int64_t end = 0;
	int16_t code = 0;
	if (!peer_offset(peer, admin->load->topic, partition, -1, &end, &code)) {
		return false;
	}
	if (code || end < 2) {
		return true;
	}
	admin->trims = more(admin->trims, admin->trim_count, sizeof(*admin->trims));
	struct admin_trim *at = &admin->trims[admin->trim_count++];
	*at = (struct admin_trim){partition, end / 2, stamp(admin), INT64_MAX};
	if (!peer_trim(peer, admin->load->topic, partition, end / 2, &code)) {
		return false;
	}
	if (!code) {
		at->end = stamp(admin);
	} else if (!admin->load->allow || !admin->load->allow(code)) {
		model_fault(admin->load->model, "trim of partition %d to %lld: %s", partition,
			(long long)end / 2, err_info(code)->name);
	}
	return true;
}

static void *administer(void *arg)
{
	struct admin *admin = arg;
	struct peer peer;
	bool there = peer_open(&peer, admin->load->port);
	random_seed((uint64_t)admin->load->port + 1);
	while (there && !atomic_load(&admin->load->stopping)) {
		there = make_or_delete(admin, &peer);
		if (there && random_below(4) == 0) {
			there = trim(admin, &peer);
		}
		nanosleep(&(struct timespec){.tv_nsec = (long)random_below(10) * 1000000}, NULL);
	}
	peer_close(&peer);
	return NULL;
}

void admin_start(struct admin *admin)
{
	pthread_create(&admin->thread, NULL, administer, admin);
}

void admin_join(struct admin *admin)
{
	pthread_join(admin->thread, NULL);
}

bool admin_check(struct admin *admin, struct peer *peer, int64_t until)
{
	for (int topic = 0; topic < ADMIN_TOPICS; topic++) {
		struct model *model = admin->load->model;
		enum fate wanted = fate_at(admin, topic, until);
		char name[16];
		int64_t offset;
		int16_t codes[2] = {0, 0};
		snprintf(name, sizeof(name), "a%d", topic);
		for (int32_t i = 0; i < 2; i++) {
			if (!peer_offset(peer, name, i, -1, &offset, &codes[i])) {
				return false;
			}
			if (codes[i] && codes[i] != WEIR_UNKNOWN_TOPIC_OR_PARTITION) {
				model_fault(model, "topic %s: %s", name, err_info(codes[i])->name);
			}
		}
		enum fate is = codes[0] ? FATE_ABSENT : FATE_PRESENT;
		if (!codes[0] != !codes[1]) {
			model_fault(model, "topic %s is there in part", name);
		} else if (wanted != FATE_PERHAPS && wanted != is) {
			model_fault(model, "topic %s was %s, and is%s there", name,
				is == FATE_PRESENT ? "deleted" : "created",
				is == FATE_PRESENT ? "" : " not");
		}
		if (until == MODEL_NOW) {
			note_fate(admin, topic, is, stamp(admin), stamp(admin));
		}
	}
	return true;
}

bool admin_check_start(
	struct admin *admin, struct peer *peer, int partition, int64_t until, int64_t *start)
{
	int64_t least = 0, most = 0;
	int16_t code = 0;
	for (size_t i = 0; i < admin->trim_count; i++) {
		const struct admin_trim *at = &admin->trims[i];
		if (at->partition == partition && at->begin <= until) {
			most = at->offset > most ? at->offset : most;
			bool done = at->end <= until && at->end != INT64_MAX;
			least = done && at->offset > least ? at->offset : least;
		}
	}
	if (!peer_offset(peer, admin->load->topic, partition, -2, start, &code) || code) {
		model_fault(admin->load->model, "log start of partition %d: %s", partition,
			err_info(code)->name);
		return false;
	}
	if (*start < least || *start > most) {
		model_fault(admin->load->model,
			"regress: partition %d starts at %lld, was trimmed to %lld (asked for: "
			"%lld)",
			partition, (long long)*start, (long long)least, (long long)most);
	}
	return true;
}
