/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kill -9 under load, again and again on one directory (RELIABILITY F1, F4, F9).
 *
 * Each round starts the broker with other settings, now and then kills it while it recovers, reads
 * what it kept and holds it against what it had promised, lets producers, consumers and an
 * administrator loose on it, and kills it at a random moment. The last round ends with a clean stop
 * and a check of every file. Nothing is timed but the moment of the kill.
 */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/base/random.h"
#include "core/io/fs.h"
#include "tests/fault/admin.h"
#include "tests/fault/load.h"
#include "tests/fault/peer.h"
#include "tests/fault/proc.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TOPIC "load"
enum { PRODUCERS = 8, PARTITIONS = 5, CONSUMERS = 2, FULL_READ_EVERY = 10, PARTIAL_READ = 20000 };

struct campaign {
	char root[64];
	char *dir, *log_path;
	struct model model;
	struct load load;
	struct proc proc;
	struct admin admin;
	int rounds;
	int64_t unanswered; /* requests in flight at the kills */
	int64_t recoveries_cut;
};

static void sleep_ms(uint64_t ms)
{
	nanosleep(&(struct timespec){.tv_sec = (time_t)(ms / 1000),
			  .tv_nsec = (long)(ms % 1000) * 1000000},
		NULL);
}

/* --- settings by round --- */

static void choose_options(int round, const char *options[16], char text[2][64])
{
	static const char *const modes[] = {"group", "strict", "group", "interval", "os"};
	size_t n = 0;
	snprintf(text[0], 64, "flush.mode=%s", modes[round % 5]);
	snprintf(text[1], 64, "log.preallocate=%s", round % 7 == 3 ? "true" : "false");
	for (size_t i = 0; i < 2; i++) {
		options[n++] = "-X";
		options[n++] = text[i];
	}
	options[n++] = "-X";
	options[n++] = "log.retention.ms=-1";
	options[n++] = "-X";
	options[n++] = "log.index.interval.bytes=512";
	options[n++] = "-X";
	options[n++] = "log.segment.delete.delay.ms=0";
	options[n] = NULL;
}

/* One start in four is killed before it is ready, or just then. */
static bool start(struct campaign *c, int round)
{
	const char *options[16];
	char text[2][64];
	choose_options(round, options, text);
	for (int tries = 0; tries < 3 && round > 0 && random_below(4) == 0; tries++) {
		if (!proc_start(&c->proc, c->dir, c->log_path, options, NULL)) {
			return false;
		}
		sleep_ms(random_below(40));
		proc_stop(&c->proc, SIGKILL);
		c->recoveries_cut++;
	}
	if (!proc_start(&c->proc, c->dir, c->log_path, options, NULL) || !proc_ready(&c->proc)) {
		model_fault(&c->model, "round %d: the broker does not start", round);
		return false;
	}
	return true;
}

/* --- what was kept --- */

static bool check_partition(struct campaign *c, struct peer *peer, int partition, bool whole)
{
	int64_t start = 0, end = 0;
	int16_t code = 0;
	if (!admin_check_start(&c->admin, peer, partition, MODEL_NOW, &start) ||
		!peer_offset(peer, TOPIC, partition, -1, &end, &code) || code) {
		return false;
	}
	model_watermark(&c->model, partition, end, "ListOffsets");
	int64_t from = whole || end - PARTIAL_READ < start ? start : end - PARTIAL_READ;
	return load_read(peer, &c->load, partition, from, MODEL_NOW);
}

static void check_kept(struct campaign *c, int round, bool whole)
{
	struct peer peer;
	bool there = peer_open(&peer, c->proc.port);
	there = there && admin_check(&c->admin, &peer, MODEL_NOW);
	for (int i = 0; there && i < PARTITIONS; i++) {
		there = check_partition(c, &peer, i, whole);
	}
	if (!there) {
		model_fault(&c->model, "round %d: the broker went away while it was read", round);
	}
	peer_close(&peer);
}

/* --- the campaign --- */

static bool first_start(struct campaign *c)
{
	struct peer peer;
	int16_t code = 0;
	int32_t segment_bytes = 1 << (15 + random_below(6)); /* 32 KiB rolls every few batches */
	if (!start(c, 0)) {
		return false;
	}
	bool made = peer_open(&peer, c->proc.port) &&
		    peer_create_topic(&peer, TOPIC, PARTITIONS, segment_bytes, &code) && code == 0;
	peer_close(&peer);
	if (!made) {
		model_fault(&c->model, "the topic cannot be made: %s", err_info(code)->name);
	}
	return made;
}

static void load_and_kill(struct campaign *c)
{
	c->load.pause_us = (int)random_below(400);
	load_start(&c->load, c->proc.port);
	admin_start(&c->admin);
	sleep_ms(20 + random_below(180));
	int status = proc_stop(&c->proc, SIGKILL);
	load_join(&c->load);
	admin_join(&c->admin);
	if (status != 128 + SIGKILL) {
		model_fault(&c->model, "the broker ended by itself, status %d", status);
	}
	for (int i = 0; i < PRODUCERS; i++) {
		c->unanswered += c->load.producers[i].count;
	}
}

/* A clean stop at the end: status 0, and every file in order. */
static void last_round(struct campaign *c)
{
	const char *check[] = {proc_weir(), "dir", "check", c->dir, NULL};
	load_start(&c->load, c->proc.port);
	sleep_ms(100);
	load_stop(&c->load);
	int status = proc_stop(&c->proc, SIGTERM);
	if (status) {
		model_fault(&c->model, "the clean stop gave status %d", status);
	}
	status = proc_run(check, c->log_path);
	if (status) {
		model_fault(&c->model, "weir dir check gave status %d", status);
	}
	if (start(c, 0)) {
		check_kept(c, c->rounds, true);
		proc_stop(&c->proc, SIGTERM);
	}
}

static void run(struct campaign *c)
{
	bool runs = first_start(c);
	for (int round = 1; runs && round <= c->rounds; round++) {
		load_and_kill(c);
		runs = start(c, round);
		if (runs) {
			check_kept(c, round, round % FULL_READ_EVERY == 0);
		}
		runs = runs && !atomic_load(&c->model.faults);
	}
	if (runs) {
		last_round(c);
	}
	proc_stop(&c->proc, SIGKILL);
}

static int64_t argument(const char *text)
{
	int64_t n;
	struct weir_err err;
	if (number_i64(text, 1, INT64_MAX, &n, &err) != WEIR_OK) {
		fprintf(stderr, "%s\n", err.text);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	struct campaign c = {.rounds = 20};
	uint64_t seed = random_u64() >> 1;
	for (int opt; (opt = getopt(argc, argv, "r:s:")) != -1;) {
		if (opt == 'r') {
			c.rounds = (int)argument(optarg);
		} else if (opt == 's') {
			seed = (uint64_t)argument(optarg);
		} else {
			fprintf(stderr, "usage: kill9 [-r ROUNDS] [-s SEED]\n");
			return 2;
		}
	}
	random_seed(seed);
	snprintf(c.root, sizeof(c.root), "/tmp/weir-kill9-XXXXXX");
	if (!mkdtemp(c.root)) {
		perror(c.root);
		return 1;
	}
	c.dir = mem_printf("%s/data", c.root);
	c.log_path = mem_printf("%s/log", c.root);
	model_init(&c.model, PRODUCERS, PARTITIONS);
	load_init(&c.load, &c.model, TOPIC, CONSUMERS);
	admin_init(&c.admin, &c.load);
	run(&c);
	int faults = atomic_load(&c.model.faults);
	printf("kill -9: %d rounds, %lld claims, %lld requests in flight at the kills, %lld "
	       "recoveries cut short, %d violations, seed %llu\n",
		c.rounds, (long long)atomic_load(&c.model.claims), (long long)c.unanswered,
		(long long)c.recoveries_cut, faults, (unsigned long long)seed);
	if (faults) {
		printf("kept: %s\n", c.root);
	} else {
		(void)!fs_remove_tree(c.root, NULL);
	}
	admin_fini(&c.admin);
	load_fini(&c.load);
	model_fini(&c.model);
	mem_free(c.dir);
	mem_free(c.log_path);
	return faults ? 1 : 0;
}
