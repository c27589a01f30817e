/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A broker on a disk that fails (RELIABILITY F10 to F14, F17): full, broken, slow, and a process
 * that runs out of descriptors. It answers with the right codes, loses nothing that was
 * acknowledged, and goes on or stops as the contract says.
 */
#include "tests/unit/test.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/io/fs.h"
#include "core/record/record.h"
#include "tests/fault/peer.h"
#include "tests/fault/proc.h"
#include "tests/fault/shim_map.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PARTITIONS = 3, ENDS_WITHIN_MS = 20000, RECORD_BYTES = 200 };

struct bed {
	char root[64];
	char *dir, *log_path, *shim_path;
	struct shim_map shim;
	struct proc proc;
	struct peer peer;
	int64_t acked[PARTITIONS]; /* end offset that was promised */
	bool connected;
};

static const char *const options[] = {"-X", "log.retention.ms=-1", NULL};

static void start(struct bed *bed)
{
	assert_true(proc_start(&bed->proc, bed->dir, bed->log_path, options,
		(const char *const *)(uintptr_t)bed->shim.env));
	assert_true(proc_ready(&bed->proc));
	assert_true(peer_open(&bed->peer, bed->proc.port));
	bed->connected = true;
}

static void disconnect(struct bed *bed)
{
	if (bed->connected) {
		peer_close(&bed->peer);
		bed->connected = false;
	}
}

static int setup(void **state)
{
	struct bed *bed = mem_new(sizeof(*bed));
	int16_t code = -1;
	snprintf(bed->root, sizeof(bed->root), "/tmp/weir-disk-XXXXXX");
	assert_non_null(mkdtemp(bed->root));
	bed->dir = mem_printf("%s/data", bed->root);
	bed->log_path = mem_printf("%s/log", bed->root);
	bed->shim_path = mem_printf("%s/shim", bed->root);
	*state = bed;
	assert_true(shim_map_open(&bed->shim, bed->shim_path, bed->dir, 0));
	start(bed);
	assert_true(peer_create_topic(&bed->peer, "t", PARTITIONS, 1 << 12, &code));
	assert_int_equal(code, 0);
	return 0;
}

static int teardown(void **state)
{
	struct bed *bed = *state;
	struct weir_err err;
	disconnect(bed);
	proc_stop(&bed->proc, SIGKILL);
	shim_map_close(&bed->shim);
	assert_ok(fs_remove_tree(bed->root, &err));
	mem_free(bed->dir);
	mem_free(bed->log_path);
	mem_free(bed->shim_path);
	mem_free(bed);
	return 0;
}

/* --- talking to it --- */

static void make_batch(struct buf *out)
{
	struct batch_builder builder;
	uint8_t value[RECORD_BYTES] = {0};
	random_bytes(value, sizeof(value));
	batch_builder_init(&builder, CODEC_NONE, CODEC_LEVEL_DEFAULT);
	batch_builder_start(&builder);
	(void)!batch_builder_add(&builder, clock_wall_ms(), slice_str("k"),
		slice_of(value, sizeof(value)), NULL, 0, NULL);
	(void)!batch_builder_finish(&builder, -1, -1, -1, 0, out, NULL);
	batch_builder_fini(&builder);
}

static bool send_one(struct bed *bed, int partition, int16_t acks)
{
	struct buf batch;
	buf_init(&batch, 0);
	make_batch(&batch);
	bool sent = peer_produce(&bed->peer, "t", partition, acks, slice_of(batch.data, batch.len));
	buf_fini(&batch);
	return sent;
}

enum { GONE = -1 }; /* the connection; as a code it is UNKNOWN_SERVER_ERROR, which never comes */

/* The code of the answer that is due; notes what was promised. */
static int answer(struct bed *bed, int partition, int32_t correlation)
{
	struct produce_response response;
	if (!peer_receive(&bed->peer, PEER_PRODUCE, 9, correlation, &response)) {
		return GONE;
	}
	const struct produce_response_partition_produce_response *row =
		&response.responses[0].partition_responses[0];
	if (!row->error_code) {
		bed->acked[partition] = row->base_offset + 1;
	}
	return row->error_code;
}

static int produce(struct bed *bed, int partition, int16_t acks)
{
	return send_one(bed, partition, acks) ? answer(bed, partition, bed->peer.correlation)
					      : GONE;
}

static int fetch(struct bed *bed, int partition, int64_t offset)
{
	struct fetch_response_partition_data got;
	return peer_fetch(&bed->peer, "t", partition, offset, 0, &got) ? got.error_code : GONE;
}

/* Every offset from 0 on is there, and all that was promised. */
static void check_kept(struct bed *bed)
{
	for (int i = 0; i < PARTITIONS; i++) {
		struct fetch_response_partition_data got;
		int64_t next = 0, end = 0;
		int16_t code = -1;
		assert_true(peer_offset(&bed->peer, "t", i, -1, &end, &code));
		assert_int_equal(code, 0);
		assert_true(end >= bed->acked[i]);
		while (next < end) {
			assert_true(peer_fetch(&bed->peer, "t", i, next, 0, &got));
			assert_int_equal(got.error_code, 0);
			struct slice bytes = got.records;
			int64_t before = next;
			struct batch batch;
			while (bytes.len && !batch_parse(bytes, &batch, NULL)) {
				assert_int_equal(batch_check_crc(&batch, NULL), WEIR_OK);
				assert_int_equal(batch.base_offset, next);
				next = batch_last_offset(&batch) + 1;
				bytes = slice_of(
					bytes.data + batch.bytes.len, bytes.len - batch.bytes.len);
			}
			assert_true(next > before);
		}
	}
}

static void restart(struct bed *bed)
{
	for (int i = 0; i < SHIM_RULES; i++) {
		shim_rule_clear(&bed->shim, i);
	}
	disconnect(bed);
	start(bed);
	check_kept(bed);
	for (int i = 0; i < PARTITIONS; i++) {
		assert_int_equal(produce(bed, i, -1), 0);
	}
}

static void stop_clean(struct bed *bed)
{
	disconnect(bed);
	assert_int_equal(proc_stop(&bed->proc, SIGTERM), 0);
}

static void some_records(struct bed *bed)
{
	for (int i = 0; i < 12; i++) {
		assert_int_equal(produce(bed, i % PARTITIONS, i % 2 ? 1 : -1), 0);
	}
}

/* --- a full disk --- */

static void a_full_disk_refuses_records_and_nothing_else(void **state)
{
	struct bed *bed = *state;
	int16_t code = -1;
	int64_t end = 0;
	some_records(bed);
	shim_rule_set(&bed->shim, 0, SHIM_ON_WRITE | SHIM_ON_ALLOCATE, ".log", ENOSPC, 0, -1);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(
			produce(bed, i % PARTITIONS, i % 2 ? 1 : -1), WEIR_KAFKA_STORAGE_ERROR);
	}
	assert_true(peer_offset(&bed->peer, "t", 0, -1, &end, &code));
	assert_int_equal(end, bed->acked[0]);
	check_kept(bed);
	assert_true(peer_create_topic(&bed->peer, "u", 1, 0, &code));
	assert_int_equal(code, 0);
	assert_true(peer_trim(&bed->peer, "t", 1, 1, &code));
	assert_int_equal(code, 0);
	assert_true(peer_delete_topic(&bed->peer, "u", &code));
	assert_int_equal(code, 0);
	shim_rule_clear(&bed->shim, 0);
	int64_t before = bed->acked[0];
	assert_int_equal(produce(bed, 0, -1), 0);
	assert_int_equal(bed->acked[0], before + 1);
	stop_clean(bed);
}

/* Half of a batch fits: it is cut back, and the next one stands where it would have. */
static void a_disk_that_fills_up_in_the_middle_of_a_batch(void **state)
{
	struct bed *bed = *state;
	some_records(bed);
	for (int i = 0; i < 10; i++) {
		struct shim_rule *rule =
			shim_rule_set(&bed->shim, 0, SHIM_ON_WRITE, ".log", 0, 0, 1);
		rule->write_most = 1 + i * 20;
		shim_rule_set(&bed->shim, 1, SHIM_ON_WRITE, ".log", ENOSPC, 1, 1);
		assert_int_equal(produce(bed, i % PARTITIONS, -1), WEIR_KAFKA_STORAGE_ERROR);
		shim_rule_clear(&bed->shim, 0);
		shim_rule_clear(&bed->shim, 1);
		assert_int_equal(produce(bed, i % PARTITIONS, -1), 0);
	}
	check_kept(bed);
	disconnect(bed);
	proc_stop(&bed->proc, SIGKILL);
	restart(bed);
	stop_clean(bed);
}

static void nothing_at_all_fits(void **state)
{
	struct bed *bed = *state;
	int16_t code = 0;
	some_records(bed);
	shim_rule_set(
		&bed->shim, 0, SHIM_ON_WRITE | SHIM_ON_OPEN | SHIM_ON_ALLOCATE, "", ENOSPC, 0, -1);
	assert_int_equal(produce(bed, 0, -1), WEIR_KAFKA_STORAGE_ERROR);
	assert_true(peer_create_topic(&bed->peer, "u", 1, 0, &code));
	assert_int_equal(code, WEIR_KAFKA_STORAGE_ERROR);
	assert_true(peer_delete_topic(&bed->peer, "t", &code));
	assert_int_equal(code, WEIR_KAFKA_STORAGE_ERROR);
	shim_rule_clear(&bed->shim, 0);
	assert_int_equal(produce(bed, 0, -1), 0);
	assert_true(peer_create_topic(&bed->peer, "u", 1, 0, &code));
	assert_int_equal(code, 0);
	check_kept(bed);
	stop_clean(bed);
	restart(bed);
}

static void a_limit_on_file_size_is_an_error_not_a_death(void **state)
{
	struct bed *bed = *state;
	struct rlimit old, small;
	int code = 0;
	stop_clean(bed);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 40 * 1024; /* the metadata store has 32 KiB */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	const char *big[] = {"-X", "log.retention.ms=-1", "--topic", "big", NULL};
	bool started = proc_start(&bed->proc, bed->dir, bed->log_path, big, NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_true(started && proc_ready(&bed->proc) && peer_open(&bed->peer, bed->proc.port));
	bed->connected = true;
	for (int i = 0; i < 400 && !code; i++) {
		struct buf batch;
		struct produce_response response;
		buf_init(&batch, 0);
		make_batch(&batch);
		bool sent = peer_produce(&bed->peer, "big", 0, -1, slice_of(batch.data, batch.len));
		buf_fini(&batch);
		assert_true(sent && peer_receive(&bed->peer, PEER_PRODUCE, 9, bed->peer.correlation,
					    &response));
		code = response.responses[0].partition_responses[0].error_code;
	}
	assert_int_equal(code, WEIR_KAFKA_STORAGE_ERROR);
	assert_int_equal(fetch(bed, 0, 0), 0);
	stop_clean(bed);
}

/* --- a broken disk --- */

/* The broker must end by itself, with an error status. */
static void ends(struct bed *bed)
{
	disconnect(bed);
	int status = proc_wait(&bed->proc, ENDS_WITHIN_MS);
	assert_true(status > 0 && status < 128);
}

static void a_failed_sync_is_never_tried_again(void **state)
{
	struct bed *bed = *state;
	enum { COUNT = 5 };
	int32_t correlation[COUNT];
	some_records(bed);
	struct shim_rule *rule = shim_rule_set(&bed->shim, 0, SHIM_ON_SYNC, ".log", EIO, 0, 1);
	for (int i = 0; i < COUNT; i++) {
		assert_true(send_one(bed, 0, -1));
		correlation[i] = bed->peer.correlation;
	}
	for (int i = 0; i < COUNT; i++) {
		int code = answer(bed, 0, correlation[i]);
		assert_true(code == WEIR_KAFKA_STORAGE_ERROR || code == GONE);
		if (code == GONE) {
			break;
		}
	}
	assert_int_equal(atomic_load(&rule->hits), 1);
	ends(bed);
	restart(bed);
	stop_clean(bed);
}

static void a_write_error_takes_the_directory_offline(void **state)
{
	struct bed *bed = *state;
	some_records(bed);
	shim_rule_set(&bed->shim, 0, SHIM_ON_WRITE, ".log", EIO, 0, 1);
	int code = produce(bed, 1, 1);
	assert_true(code == WEIR_KAFKA_STORAGE_ERROR || code == GONE);
	ends(bed);
	restart(bed);
	stop_clean(bed);
}

static void a_read_error_is_that_of_its_partition(void **state)
{
	struct bed *bed = *state;
	some_records(bed);
	stop_clean(bed);
	disconnect(bed);
	start(bed);
	shim_rule_set(&bed->shim, 0, SHIM_ON_READ, "/t-1/", EIO, 0, -1);
	for (int i = 0; i < 3; i++) {
		int code = fetch(bed, 1, 0);
		assert_true(code == WEIR_CORRUPT_MESSAGE || code == WEIR_KAFKA_STORAGE_ERROR);
	}
	assert_int_equal(fetch(bed, 0, 0), 0);
	assert_int_equal(fetch(bed, 2, 0), 0);
	assert_int_equal(produce(bed, 2, -1), 0);
	shim_rule_clear(&bed->shim, 0);
	check_kept(bed);
	stop_clean(bed);
}

static void the_metadata_store_cannot_be_written(void **state)
{
	struct bed *bed = *state;
	int16_t code = 0;
	some_records(bed);
	shim_rule_set(&bed->shim, 0, SHIM_ON_WRITE | SHIM_ON_SYNC, "weir.meta", EIO, 0, -1);
	assert_true(peer_create_topic(&bed->peer, "u", 1, 0, &code));
	assert_int_equal(code, WEIR_KAFKA_STORAGE_ERROR);
	disconnect(bed);
	proc_stop(&bed->proc, SIGTERM);
	restart(bed);
	assert_true(peer_create_topic(&bed->peer, "v", 1, 0, &code));
	assert_int_equal(code, 0);
	stop_clean(bed);
}

static void short_writes_are_gone_on_with(void **state)
{
	struct bed *bed = *state;
	struct shim_rule *rule = shim_rule_set(&bed->shim, 0, SHIM_ON_WRITE, "/t-", 0, 0, -1);
	rule->write_most = 17;
	some_records(bed);
	check_kept(bed);
	assert_true(atomic_load(&rule->hits) > 12 * RECORD_BYTES / 17);
	stop_clean(bed);
	restart(bed);
}

/* --- a slow disk --- */

static void a_slow_sync_holds_up_nobody_else(void **state)
{
	struct bed *bed = *state;
	struct api_versions_request request;
	struct api_versions_response response;
	enum { OTHERS = 8 };
	struct peer others[OTHERS];
	struct shim_rule *rule = shim_rule_set(&bed->shim, 0, SHIM_ON_SYNC, ".log", 0, 0, -1);
	rule->delay_us = 3000000;
	wire_defaults(&api_versions_request_message, &request);
	assert_true(send_one(bed, 0, -1));
	/* Whatever reactor the first is on, one of these is, too. */
	for (int i = 0; i < OTHERS; i++) {
		assert_true(peer_open(&others[i], bed->proc.port));
		assert_true(peer_call(&others[i], PEER_API_VERSIONS, 2, &request, &response));
		peer_close(&others[i]);
	}
	assert_false(peer_readable(&bed->peer, 0));
	shim_rule_clear(&bed->shim, 0);
	assert_int_equal(answer(bed, 0, bed->peer.correlation), 0);
	stop_clean(bed);
}

/* --- descriptors --- */

static void accepting_waits_when_descriptors_are_out(void **state)
{
	struct bed *bed = *state;
	struct peer second;
	struct api_versions_request request;
	struct api_versions_response response;
	struct shim_rule *rule = shim_rule_set(&bed->shim, 0, SHIM_ON_ACCEPT, "", EMFILE, 0, -1);
	wire_defaults(&api_versions_request_message, &request);
	assert_true(peer_open(&second, bed->proc.port));
	assert_true(peer_send(&second, PEER_API_VERSIONS, 2, &request));
	int64_t until = clock_mono_ms() + 400;
	int records = 0;
	while (clock_mono_ms() < until) {
		assert_int_equal(produce(bed, 0, -1), 0); /* who is there is served on */
		records++;
	}
	assert_true(records > 0);
	int hits = atomic_load(&rule->hits);
	assert_true(hits > 0 && hits < 50); /* no spinning */
	shim_rule_clear(&bed->shim, 0);
	assert_true(peer_receive(&second, PEER_API_VERSIONS, 2, second.correlation, &response));
	peer_close(&second);
	stop_clean(bed);
}

/* Connections take all there are: the logs must not notice. */
static void connections_leave_descriptors_for_the_logs(void **state)
{
	struct bed *bed = *state;
	enum { CONNECTIONS = 120 };
	struct peer others[CONNECTIONS];
	char *script = mem_printf("%s/weir", bed->root), *weir = realpath(proc_weir(), NULL);
	assert_non_null(weir);
	stop_clean(bed);
	FILE *file = fopen(script, "w");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\nulimit -n 96\nexec '%s' \"$@\"\n", weir);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(script, 0700), 0);
	assert_int_equal(setenv("WEIR", script, 1), 0);
	bool started = proc_start(&bed->proc, bed->dir, bed->log_path, options,
		(const char *const *)(uintptr_t)bed->shim.env);
	assert_int_equal(setenv("WEIR", weir, 1), 0);
	free(weir);
	mem_free(script);
	assert_true(started && proc_ready(&bed->proc) && peer_open(&bed->peer, bed->proc.port));
	bed->connected = true;
	assert_int_equal(produce(bed, 0, -1), 0);
	for (int i = 0; i < CONNECTIONS; i++) {
		peer_open(&others[i], bed->proc.port);
	}
	for (int i = 0; i < 60; i++) {
		assert_int_equal(produce(bed, i % PARTITIONS, i % 2 ? 1 : -1), 0);
	}
	check_kept(bed);
	for (int i = 0; i < CONNECTIONS; i++) {
		peer_close(&others[i]);
	}
	stop_clean(bed);
	restart(bed);
}

/* The directory of a new segment cannot be opened to be synced: nothing is lost by that. */
static void a_flush_without_descriptors_fails_those_who_wait_only(void **state)
{
	struct bed *bed = *state;
	some_records(bed);
	struct shim_rule *rule = shim_rule_set(&bed->shim, 0, SHIM_ON_OPEN, "/t-", EMFILE, 0, -1);
	int refused = 0;
	for (int i = 0; i < 40; i++) {
		int code = produce(bed, i % PARTITIONS, -1);
		assert_true(code == 0 || code == WEIR_KAFKA_STORAGE_ERROR);
		refused += code != 0;
	}
	assert_true(refused > 0 && atomic_load(&rule->hits) > 0);
	shim_rule_clear(&bed->shim, 0);
	for (int i = 0; i < PARTITIONS; i++) {
		assert_int_equal(produce(bed, i, -1), 0);
	}
	check_kept(bed);
	stop_clean(bed);
	restart(bed);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_full_disk_refuses_records_and_nothing_else),
		CASE(a_disk_that_fills_up_in_the_middle_of_a_batch),
		CASE(nothing_at_all_fits),
		CASE(a_limit_on_file_size_is_an_error_not_a_death),
		CASE(a_failed_sync_is_never_tried_again),
		CASE(a_write_error_takes_the_directory_offline),
		CASE(a_read_error_is_that_of_its_partition),
		CASE(the_metadata_store_cannot_be_written),
		CASE(short_writes_are_gone_on_with),
		CASE(a_slow_sync_holds_up_nobody_else),
		CASE(accepting_waits_when_descriptors_are_out),
		CASE(a_flush_without_descriptors_fails_those_who_wait_only),
		CASE(connections_leave_descriptors_for_the_logs),
	};
	return RUN(tests);
}
