/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Power cuts (RELIABILITY F6 to F9). One broker lives through two loads with a clean stop between
 * them and a kill after, while a preloaded library keeps what it does to its files. Then, as often
 * as asked, the directory is made that a power cut at some moment may have left, a broker is
 * started on it, and what it has is held against what had been promised by then: with flush.mode
 * group or strict, all that was acknowledged with acks=all (strict: acks=1 too) or given to a
 * consumer, and every topic made, deleted or trimmed. In the other modes the directory must be
 * sound all the same. One cut in four hits again while the first is being recovered.
 */
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/base/random.h"
#include "core/io/fs.h"
#include "core/record/record.h"
#include "tests/fault/admin.h"
#include "tests/fault/load.h"
#include "tests/fault/peer.h"
#include "tests/fault/proc.h"
#include "tests/fault/shim_map.h"
#include "tests/fault/tree.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOPIC "load"
enum {
	PRODUCERS = 6,
	PARTITIONS = 4,
	CONSUMERS = 2,
	LOAD_MS = 120,
	TRACE_BYTES = 1 << 29,
	SECOND_BYTES = 1 << 26,
};

struct campaign {
	char root[64];
	char *dir, *log_path, *cut_dir, *second_dir;
	const char *mode;
	bool promises; /* mode is group or strict */
	struct model model;
	struct load load;
	struct admin admin;
	struct shim_map shim;
	struct tree *tree;
	int64_t topic_made;
	int cuts, second_cuts, lossy;
	const char *options[12];
	char mode_text[32];
};

static void sleep_ms(uint64_t ms)
{
	nanosleep(&(struct timespec){.tv_sec = (time_t)(ms / 1000),
			  .tv_nsec = (long)(ms % 1000) * 1000000},
		NULL);
}

/* --- the life that is cut --- */

static bool make_topic(struct campaign *c, const struct proc *proc)
{
	struct peer peer;
	int16_t code = -1;
	bool made = peer_open(&peer, proc->port) &&
		    peer_create_topic(&peer, TOPIC, PARTITIONS, 1 << 15, &code) && code == 0;
	peer_close(&peer);
	c->topic_made = atomic_load(&c->shim.shim->clock);
	if (!made) {
		model_fault(&c->model, "the topic cannot be made: %s", err_info(code)->name);
	}
	return made;
}

static bool live_once(struct campaign *c, bool first, int signal)
{
	struct proc proc;
	const char *const *env = (const char *const *)(uintptr_t)c->shim.env;
	if (!proc_start(&proc, c->dir, c->log_path, c->options, env) || !proc_ready(&proc)) {
		model_fault(&c->model, "the broker does not start");
		return false;
	}
	if (first && !make_topic(c, &proc)) {
		proc_stop(&proc, SIGKILL);
		return false;
	}
	struct peer peer;
	bool there = peer_open(&peer, proc.port) && admin_check(&c->admin, &peer, MODEL_NOW);
	peer_close(&peer);
	if (!there) {
		model_fault(&c->model, "the broker went away while it was asked");
	}
	load_start(&c->load, proc.port);
	admin_start(&c->admin);
	sleep_ms(LOAD_MS);
	if (signal == SIGKILL) {
		shim_kill(&c->shim, &proc);
	}
	load_stop(&c->load);
	admin_join(&c->admin);
	int status = proc_stop(&proc, signal);
	if (signal == SIGTERM && status) {
		model_fault(&c->model, "the clean stop gave status %d", status);
	}
	return true;
}

static bool live(struct campaign *c)
{
	if (!live_once(c, true, SIGTERM) || !live_once(c, false, SIGKILL) ||
		!live_once(c, false, SIGTERM)) {
		return false;
	}
	c->tree = tree_new(NULL);
	if (!tree_take(c->tree, c->shim.shim, c->dir)) {
		model_fault(&c->model, "the trace cannot be read, or is full");
	}
	return !atomic_load(&c->model.faults);
}

/* --- after a cut --- */

/* The recovered log goes on where it ended. */
static bool probe(struct campaign *c, struct peer *peer, int partition)
{
	struct batch_builder builder;
	struct buf batch;
	struct produce_response response;
	int64_t end;
	int16_t code = 0;
	if (!peer_offset(peer, TOPIC, partition, -1, &end, &code)) {
		return false;
	}
	buf_init(&batch, 0);
	batch_builder_init(&builder, CODEC_NONE, CODEC_LEVEL_DEFAULT);
	batch_builder_start(&builder);
	(void)!batch_builder_add(
		&builder, clock_wall_ms(), slice_str("k"), slice_str("v"), NULL, 0, NULL);
	(void)!batch_builder_finish(&builder, -1, -1, -1, 0, &batch, NULL);
	bool there = peer_produce(peer, TOPIC, partition, -1, slice_of(batch.data, batch.len)) &&
		     peer_receive(peer, PEER_PRODUCE, 9, peer->correlation, &response);
	if (there) {
		const struct produce_response_partition_produce_response *row =
			&response.responses[0].partition_responses[0];
		if (row->error_code || row->base_offset != end) {
			model_fault(&c->model,
				"partition %d ends at %lld, a record went to %lld: %s", partition,
				(long long)end, (long long)row->base_offset,
				err_info(row->error_code)->name);
		}
	}
	batch_builder_fini(&builder);
	buf_fini(&batch);
	return there;
}

static bool check_partition(struct campaign *c, struct peer *peer, int partition, int64_t until)
{
	int64_t start = 0, end = 0;
	int16_t code = 0;
	if (c->promises && !admin_check_start(&c->admin, peer, partition, until, &start)) {
		return false;
	}
	if (!peer_offset(peer, TOPIC, partition, -2, &start, &code) ||
		!peer_offset(peer, TOPIC, partition, -1, &end, &code)) {
		return false;
	}
	return load_read(peer, &c->load, partition, start, c->promises ? until : -1) &&
	       probe(c, peer, partition);
}

static bool topic_is_there(struct peer *peer, bool *there)
{
	int64_t offset;
	int16_t code = 0;
	if (!peer_offset(peer, TOPIC, 0, -1, &offset, &code)) {
		return false;
	}
	*there = code == 0;
	return true;
}

/* The broker on dir has what was promised up to the event at. */
static void check(struct campaign *c, const char *dir, int64_t at)
{
	struct proc proc;
	struct peer peer;
	bool made = false;
	if (!proc_start(&proc, dir, c->log_path, c->options, NULL) || !proc_ready(&proc)) {
		model_fault(&c->model, "the broker does not start");
		return;
	}
	model_forget_reads(&c->model);
	bool there = peer_open(&peer, proc.port) && topic_is_there(&peer, &made);
	if (there && c->mode[0] != 'o') {
		there = admin_check(&c->admin, &peer, at);
		if (!made && at >= c->topic_made) {
			model_fault(&c->model, "the topic is gone");
		}
	}
	for (int i = 0; there && made && i < PARTITIONS; i++) {
		there = check_partition(c, &peer, i, at);
	}
	if (!there) {
		model_fault(&c->model, "the broker went away while it was read");
	}
	peer_close(&peer);
	bool clean = random_below(4) == 0;
	int status = proc_stop(&proc, clean ? SIGTERM : SIGKILL);
	if (clean && status) {
		model_fault(&c->model, "the clean stop gave status %d", status);
	}
}

static void choose(struct tree_cut *cut, const struct tree *tree)
{
	int64_t count = tree_event_count(tree);
	cut->at = (int64_t)random_below((uint64_t)count + 1);
	if (random_below(2)) {
		/* Just after a sync: what was acknowledged for it has only just come about. */
		cut->at = tree_sync_before(tree, cut->at) + 1;
	}
	cut->bytes = (enum tree_loss)random_below(TREE_LOSSES);
	cut->names_by_directory = random_below(3) == 0;
	cut->seed = random_u64();
}

static void drop_dir(const char *dir)
{
	(void)!fs_remove_tree(dir, NULL);
}

/* The power goes again while the broker recovers: what it does then is cut, too. */
static void cut_again(struct campaign *c, int64_t at)
{
	struct shim_map shim;
	struct proc proc;
	struct tree *tree = tree_new(c->cut_dir);
	char *path = mem_printf("%s/second.shim", c->root);
	struct tree_cut cut;
	if (shim_map_open(&shim, path, c->cut_dir, SECOND_BYTES) &&
		proc_start(&proc, c->cut_dir, c->log_path, c->options,
			(const char *const *)(uintptr_t)shim.env)) {
		if (random_below(2)) {
			proc_ready(&proc);
		} else {
			sleep_ms(random_below(20));
		}
		shim_kill(&shim, &proc);
		if (tree_take(tree, shim.shim, c->cut_dir)) {
			choose(&cut, tree);
			c->second_cuts++;
			if (!tree_cut(tree, &cut, c->second_dir)) {
				model_fault(&c->model, "a directory cannot be made");
			}
			check(c, c->second_dir, at);
		} else {
			model_fault(&c->model, "the second trace cannot be read");
		}
	} else {
		model_fault(&c->model, "the broker does not start");
	}
	tree_free(&tree);
	shim_map_close(&shim);
	mem_free(path);
}

static bool cut_once(struct campaign *c)
{
	struct tree_cut cut;
	choose(&cut, c->tree);
	if (!tree_cut(c->tree, &cut, c->cut_dir)) {
		model_fault(&c->model, "a directory cannot be made");
		return false;
	}
	c->lossy += cut.dropped > 0;
	if (random_below(4) == 0) {
		cut_again(c, cut.at);
	} else {
		check(c, c->cut_dir, cut.at);
	}
	if (atomic_load(&c->model.faults)) {
		printf("cut at %lld of %lld, loss %d, names by directory %d, seed %llu\n",
			(long long)cut.at, (long long)tree_event_count(c->tree), cut.bytes,
			cut.names_by_directory, (unsigned long long)cut.seed);
		return false;
	}
	drop_dir(c->cut_dir);
	drop_dir(c->second_dir);
	return true;
}

/* --- the campaign --- */

static void prepare(struct campaign *c)
{
	static const char *const fixed[] = {"-X", "log.retention.ms=-1", "-X",
		"log.index.interval.bytes=512", "-X", "log.segment.delete.delay.ms=0", NULL};
	snprintf(c->mode_text, sizeof(c->mode_text), "flush.mode=%s", c->mode);
	c->options[0] = "-X";
	c->options[1] = c->mode_text;
	memcpy(c->options + 2, fixed, sizeof(fixed));
	c->promises = !strcmp(c->mode, "group") || !strcmp(c->mode, "strict");
	c->dir = mem_printf("%s/data", c->root);
	c->cut_dir = mem_printf("%s/cut", c->root);
	c->second_dir = mem_printf("%s/second", c->root);
	c->log_path = mem_printf("%s/log", c->root);
	model_init(&c->model, PRODUCERS, PARTITIONS);
	load_init(&c->load, &c->model, TOPIC, CONSUMERS);
	admin_init(&c->admin, &c->load);
	c->load.weak_is_weak = !!strcmp(c->mode, "strict");
	c->load.pause_us = 300;
}

static void finish(struct campaign *c)
{
	tree_free(&c->tree);
	shim_map_close(&c->shim);
	admin_fini(&c->admin);
	load_fini(&c->load);
	model_fini(&c->model);
	mem_free(c->dir);
	mem_free(c->cut_dir);
	mem_free(c->second_dir);
	mem_free(c->log_path);
}

static int run(struct campaign *c, uint64_t seed)
{
	char *shim_path = mem_printf("%s/shim", c->root);
	int done = 0;
	if (!shim_map_open(&c->shim, shim_path, c->dir, TRACE_BYTES)) {
		model_fault(&c->model, "nothing to preload");
	} else {
		c->load.clock = &c->shim.shim->clock;
		bool goes_on = live(c);
		while (goes_on && done < c->cuts) {
			goes_on = cut_once(c);
			done++;
		}
		if (goes_on && c->cuts >= 10 && c->lossy * 4 < c->cuts) {
			model_fault(&c->model, "only %d of %d cuts took any byte away", c->lossy,
				c->cuts);
		}
	}
	mem_free(shim_path);
	int faults = atomic_load(&c->model.faults);
	printf("power cuts, flush.mode=%s: %d cuts in %lld events, %d took bytes away, %d hit the "
	       "recovery too, %lld claims, %d violations, seed %llu\n",
		c->mode, done, (long long)(c->tree ? tree_event_count(c->tree) : 0), c->lossy,
		c->second_cuts, (long long)atomic_load(&c->model.claims), faults,
		(unsigned long long)seed);
	return faults;
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

/* One life and its cuts. */
static int campaign(const char *mode, int cuts, uint64_t seed)
{
	struct campaign c = {.cuts = cuts, .mode = mode};
	random_seed(seed);
	snprintf(c.root, sizeof(c.root), "/tmp/weir-powercut-XXXXXX");
	if (!mkdtemp(c.root)) {
		perror(c.root);
		return 1;
	}
	prepare(&c);
	int faults = run(&c, seed);
	finish(&c);
	if (faults) {
		printf("kept: %s\n", c.root);
	} else {
		drop_dir(c.root);
	}
	return faults;
}

int main(int argc, char **argv)
{
	static const char *const modes[] = {"group", "strict", "interval", "os"};
	const char *mode = NULL;
	int cuts = 40, faults = 0;
	uint64_t seed = random_u64() >> 1;
	for (int opt; (opt = getopt(argc, argv, "n:s:m:")) != -1;) {
		if (opt == 'n') {
			cuts = (int)argument(optarg);
		} else if (opt == 's') {
			seed = (uint64_t)argument(optarg);
		} else if (opt == 'm') {
			mode = optarg;
		} else {
			fprintf(stderr, "usage: powercut [-n CUTS] [-m FLUSH-MODE] [-s SEED]\n");
			return 2;
		}
	}
	for (size_t i = 0; i < 4 && !faults; i++) {
		if (!mode || !strcmp(mode, modes[i])) {
			faults = campaign(modes[i], mode ? cuts : (cuts + 3) / 4, seed);
		}
	}
	return faults ? 1 : 0;
}
