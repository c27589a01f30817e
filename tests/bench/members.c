/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Load of a Kafka broker's group APIs. One line of name=value pairs comes out.
 *
 *   members settle|idle|commit|fill|loaded [options] HOST:PORT
 *     -n N  members (1000)          -g N  groups (1); each has its share of the members
 *     -c N  connections (members)   -d N  requests in flight, all connections together (256)
 *     -p N  partitions (1000)       -T S  topic (members)
 *     -i N  ms between the heartbeats of a member (100)
 *     -t N  seconds (5)             -8    protocol "consumer"; else "classic"
 *     -P N  process id of the broker: its memory and processor time are in the line
 *
 * settle: all members join at once; ms until each group stands, then until it stands again after
 *         one more has joined, and after that one has left.
 * idle:   the members join; then they only send heartbeats for the time.
 * commit: one partition's offset a request, for the time, by groups without members.
 * fill:   commits all partitions of each group once.
 * loaded: fetches the offsets of each group until no partition is being loaded; all that fill
 *         committed has to be there.
 */
#include "tests/bench/peers.h"

#include "core/base/clock.h"
#include "core/base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CREATE_TOPICS = 19,
	METADATA = 3,
	FIND_COORDINATOR = 10,
	JOIN_GROUP = 11,
	HEARTBEAT = 12,
	LEAVE_GROUP = 13,
	SYNC_GROUP = 14,
	OFFSET_COMMIT = 8,
	OFFSET_FETCH = 9,
	CONSUMER_GROUP_HEARTBEAT = 68
};

enum { SESSION_MS = 45000, RETRY_MS = 20, GIVE_UP_S = 120 };

/* Kafka's error codes. */
enum {
	LOAD_IN_PROGRESS = 14,
	NOT_AVAILABLE = 15,
	NOT_COORDINATOR = 16,
	UNKNOWN_TOPIC = 3,
	ILLEGAL_GENERATION = 22,
	REBALANCE_IN_PROGRESS = 27,
	TOPIC_EXISTS = 36,
	MEMBER_ID_REQUIRED = 79
};

enum phase { OUT, JOINS, SYNCS, STANDS, LEAVES };

struct member {
	enum phase phase;
	bool waits; /* for an answer */
	int64_t due_ns;
	int group, index;
	int32_t generation, group_size;
	char id[100];
	bool has_news; /* consumer: an assignment to be confirmed */
	int32_t owned_count;
	int32_t *owned;
	struct uuid topic_id;
};

static struct {
	const char *mode, *topic, *address;
	int members, groups, conns, depth, partitions, beat_ms, pid;
	double seconds;
	bool consumer;
} opt = {.topic = "members",
	.members = 1000,
	.groups = 1,
	.depth = 256,
	.partitions = 1000,
	.beat_ms = 100,
	.seconds = 5};

static struct member *members;
static struct arena arena; /* of one request or answer */
static uint64_t requests, errors;
static int first_error;

static void failed(int code)
{
	errors++;
	first_error = first_error ? first_error : code;
}

static const char *group_name(int group)
{
	static char name[300];
	snprintf(name, sizeof(name), "%s-%d", opt.topic, group);
	return name;
}

static bool retries(int code)
{
	return code == LOAD_IN_PROGRESS || code == NOT_AVAILABLE || code == NOT_COORDINATOR;
}

static void *take_room(size_t count, size_t size)
{
	void *p = arena_try_array(&arena, count + 1, size);
	if (!p) {
		die("no memory");
	}
	return p;
}

/* ---- the classic protocol ---- */

static void send_join(struct member *m)
{
	uint8_t subscription[300] = {0, 0, 0, 0, 0, 1}; /* version 0, one topic, no user data */
	size_t name = strlen(opt.topic);
	be16_put(subscription + 6, (uint16_t)name);
	memcpy(subscription + 8, opt.topic, name);
	be32_put(subscription + 8 + name, UINT32_MAX);
	struct join_group_request_protocol protocol = {
		slice_str("range"), slice_of(subscription, name + 12)};
	struct join_group_request request;
	wire_defaults(&join_group_request_message, &request);
	request.group_id = slice_str(group_name(m->group));
	request.session_timeout_ms = SESSION_MS;
	request.rebalance_timeout_ms = 60000;
	request.member_id = slice_str(m->id);
	request.protocol_type = slice_str("consumer");
	request.protocols = &protocol;
	request.protocols_count = 1;
	peer_send(peer_at(m->index), JOIN_GROUP, 9, (uint32_t)m->index, &request);
}

/* The leader gives every member the same few bytes: shares are the clients' own affair. */
static void send_sync(struct member *m, const struct join_group_response *joined)
{
	static const uint8_t share[64];
	struct sync_group_request request;
	wire_defaults(&sync_group_request_message, &request);
	struct sync_group_request_assignment *rows =
		take_room((size_t)joined->members_count, sizeof(*rows));
	for (int32_t i = 0; i < joined->members_count; i++) {
		rows[i].member_id = joined->members[i].member_id;
		rows[i].assignment = slice_of(share, sizeof(share));
	}
	request.group_id = slice_str(group_name(m->group));
	request.generation_id = m->generation;
	request.member_id = slice_str(m->id);
	request.protocol_type = slice_str("consumer");
	request.protocol_name = slice_str("range");
	request.assignments = rows;
	request.assignments_count = joined->members_count;
	peer_send(peer_at(m->index), SYNC_GROUP, 5, (uint32_t)m->index, &request);
	m->phase = SYNCS;
}

static void send_beat(struct member *m)
{
	struct heartbeat_request request;
	wire_defaults(&heartbeat_request_message, &request);
	request.group_id = slice_str(group_name(m->group));
	request.generation_id = m->generation;
	request.member_id = slice_str(m->id);
	peer_send(peer_at(m->index), HEARTBEAT, 4, (uint32_t)m->index, &request);
}

static void send_leave(struct member *m)
{
	struct leave_group_request_member_identity row = {.member_id = slice_str(m->id)};
	struct leave_group_request request;
	wire_defaults(&leave_group_request_message, &request);
	request.group_id = slice_str(group_name(m->group));
	request.members = &row;
	request.members_count = 1;
	peer_send(peer_at(m->index), LEAVE_GROUP, 5, (uint32_t)m->index, &request);
}

static int take_join(struct member *m, struct slice answer)
{
	struct join_group_response response;
	peer_decode(JOIN_GROUP, 9, answer, &arena, &response);
	if (!response.error_code || response.error_code == MEMBER_ID_REQUIRED) {
		snprintf(m->id, sizeof(m->id), "%.*s", (int)response.member_id.len,
			(const char *)response.member_id.data);
		m->due_ns = 0;
	}
	if (!response.error_code) {
		m->generation = response.generation_id;
		m->group_size = response.members_count;
		send_sync(m, &response);
		m->waits = true;
	}
	return response.error_code == MEMBER_ID_REQUIRED ? 0 : response.error_code;
}

static int take_sync(struct member *m, struct slice answer)
{
	struct sync_group_response response;
	peer_decode(SYNC_GROUP, 5, answer, &arena, &response);
	m->phase = response.error_code ? JOINS : STANDS;
	return response.error_code;
}

static int take_beat(struct member *m, struct slice answer)
{
	struct heartbeat_response response;
	peer_decode(HEARTBEAT, 4, answer, &arena, &response);
	if (response.error_code && !retries(response.error_code)) {
		m->phase = JOINS;
		m->due_ns = 0;
	}
	return response.error_code;
}

/* ---- the consumer protocol ---- */

static void send_consumer(struct member *m)
{
	struct slice topic = slice_str(opt.topic);
	struct consumer_group_heartbeat_request_topic_partitions owned = {
		m->topic_id, m->owned, m->owned_count};
	struct consumer_group_heartbeat_request request;
	wire_defaults(&consumer_group_heartbeat_request_message, &request);
	request.group_id = slice_str(group_name(m->group));
	request.member_id = slice_str(m->id);
	request.member_epoch = m->phase == JOINS ? 0 : m->phase == LEAVES ? -1 : m->generation;
	if (m->phase == JOINS) {
		m->owned_count = 0;
		request.rebalance_timeout_ms = 60000;
		request.subscribed_topic_names = &topic;
		request.subscribed_topic_names_count = 1;
	}
	if (m->phase == JOINS || m->has_news) {
		request.topic_partitions = &owned;
		request.topic_partitions_count = m->phase == JOINS || !m->owned_count ? 0 : 1;
	}
	m->has_news = false;
	peer_send(peer_at(m->index), CONSUMER_GROUP_HEARTBEAT, 1, (uint32_t)m->index, &request);
}

static void take_assignment(
	struct member *m, const struct consumer_group_heartbeat_response_assignment *assignment)
{
	m->owned_count = 0;
	for (int32_t i = 0; i < assignment->topic_partitions_count; i++) {
		m->topic_id = assignment->topic_partitions[i].topic_id;
		m->owned_count = assignment->topic_partitions[i].partitions_count;
		m->owned =
			m->owned ? m->owned : mem_new((size_t)opt.partitions * sizeof(*m->owned));
		memcpy(m->owned, assignment->topic_partitions[i].partitions,
			(size_t)m->owned_count * sizeof(*m->owned));
	}
	m->has_news = true;
	m->due_ns = 0;
}

static int take_consumer(struct member *m, struct slice answer)
{
	struct consumer_group_heartbeat_response response;
	peer_decode(CONSUMER_GROUP_HEARTBEAT, 1, answer, &arena, &response);
	if (response.error_code) {
		m->phase = m->phase == LEAVES || retries(response.error_code) ? m->phase : JOINS;
		return response.error_code;
	}
	m->phase = STANDS;
	m->generation = response.member_epoch;
	if (response.assignment) {
		take_assignment(m, response.assignment);
	}
	return 0;
}

/* ---- members ---- */

static void drive(struct member *m, int64_t now)
{
	if (m->waits || m->phase == OUT || m->due_ns > now) {
		return;
	}
	m->waits = true;
	m->due_ns = now + (int64_t)opt.beat_ms * 1000000;
	if (opt.consumer) {
		send_consumer(m);
	} else if (m->phase == JOINS) {
		send_join(m);
	} else if (m->phase == LEAVES) {
		send_leave(m);
	} else {
		send_beat(m);
	}
}

static void take_member(struct peer *peer, uint32_t tag, struct slice answer)
{
	struct member *m = &members[tag];
	int code = 0;
	(void)peer;
	arena_reset(&arena, 0);
	requests++;
	m->waits = false;
	if (m->phase == LEAVES) {
		m->phase = OUT;
	} else if (opt.consumer) {
		code = take_consumer(m, answer);
	} else {
		code = m->phase == JOINS   ? take_join(m, answer)
		       : m->phase == SYNCS ? take_sync(m, answer)
					   : take_beat(m, answer);
	}
	if (retries(code)) {
		m->due_ns = clock_mono_ns() + RETRY_MS * INT64_C(1000000);
	} else if (code && code != REBALANCE_IN_PROGRESS && code != ILLEGAL_GENERATION) {
		failed(code);
	}
}

/* Whether the members of a group agree; stride: members of a group are opt.groups apart. */
static bool group_stands(int group)
{
	int32_t generation = -1, in = 0, owned = 0, size = 0;
	for (int i = group; i <= opt.members; i += opt.groups) {
		struct member *m = &members[i];
		if (m->phase == OUT) {
			continue;
		}
		if (m->phase != STANDS || (generation >= 0 && m->generation != generation)) {
			return false;
		}
		generation = m->generation;
		size = m->group_size > size ? m->group_size : size;
		owned += m->owned_count;
		in++;
	}
	return opt.consumer ? owned == opt.partitions : size == in;
}

static bool all_stand(void)
{
	for (int g = 0; g < opt.groups; g++) {
		if (!group_stands(g)) {
			return false;
		}
	}
	return true;
}

static void turn(void)
{
	int64_t now = clock_mono_ns();
	for (int i = 0; i <= opt.members; i++) {
		drive(&members[i], now);
	}
	peers_poll(2, take_member);
}

static double until_all_stand(void)
{
	int64_t from = clock_mono_ns();
	do {
		turn();
		if (clock_mono_ns() - from > GIVE_UP_S * INT64_C(1000000000)) {
			errno = ETIMEDOUT;
			die("the groups do not stand");
		}
	} while (!all_stand());
	return (double)(clock_mono_ns() - from) / 1e6;
}

/* The last one stays out at first. */
static void make_members(void)
{
	members = mem_array((size_t)opt.members + 1, sizeof(*members));
	for (int i = 0; i <= opt.members; i++) {
		struct member *m = &members[i];
		*m = (struct member){.index = i, .group = i % opt.groups};
		m->phase = i < opt.members ? JOINS : OUT;
		if (opt.consumer) {
			snprintf(m->id, sizeof(m->id), "member-%06d-%08x", i, (unsigned)getpid());
		}
	}
}

static void free_members(void)
{
	for (int i = 0; i <= opt.members; i++) {
		mem_free(members[i].owned);
	}
	mem_free(members);
}

/* ---- the broker's process ---- */

static double broker_cpu_s(void)
{
	char path[64], text[1024], *at;
	unsigned long user = 0, system = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", opt.pid);
	FILE *in = opt.pid ? fopen(path, "r") : NULL;
	if (in && fgets(text, sizeof(text), in) && (at = strrchr(text, ')'))) {
		sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			&system);
	}
	if (in) {
		fclose(in);
	}
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double broker_mb(void)
{
	char path[64], text[256];
	unsigned long kb = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", opt.pid);
	FILE *in = opt.pid ? fopen(path, "r") : NULL;
	while (in && fgets(text, sizeof(text), in)) {
		sscanf(text, "VmRSS: %lu kB", &kb);
	}
	if (in) {
		fclose(in);
	}
	return (double)kb / 1000;
}

/* ---- modes ---- */

static void settle(void)
{
	struct member *more = &members[opt.members];
	double cpu = broker_cpu_s();
	printf("settle_ms=%.1f ", until_all_stand());
	more->phase = JOINS;
	printf("join_ms=%.1f ", until_all_stand());
	while (more->waits) {
		turn();
	}
	more->phase = LEAVES;
	more->due_ns = 0;
	printf("leave_ms=%.1f ", until_all_stand());
	printf("cpu_s=%.2f ", broker_cpu_s() - cpu);
}

static void idle(void)
{
	printf("settle_ms=%.1f ", until_all_stand());
	for (int i = 0; i < opt.members; i++) { /* at even times */
		members[i].due_ns =
			clock_mono_ns() + (int64_t)opt.beat_ms * 1000000 / opt.members * (i + 1);
	}
	double cpu = broker_cpu_s();
	int64_t from = clock_mono_ns(), until = from + (int64_t)(opt.seconds * 1e9);
	uint64_t before = requests;
	while (clock_mono_ns() < until) {
		turn();
	}
	double s = (double)(clock_mono_ns() - from) / 1e9;
	printf("req_s=%.0f cpu_percent=%.1f mb=%.1f ", (double)(requests - before) / s,
		100 * (broker_cpu_s() - cpu) / s, broker_mb());
}

static int in_flight, answered;
static int64_t stamps[1 << 16], *times_ns;

static void take_commit(struct peer *peer, uint32_t tag, struct slice answer)
{
	struct offset_commit_response response;
	(void)peer;
	arena_reset(&arena, 0);
	peer_decode(OFFSET_COMMIT, 8, answer, &arena, &response);
	for (int32_t i = 0; i < response.topics_count; i++) {
		for (int32_t k = 0; k < response.topics[i].partitions_count; k++) {
			if (response.topics[i].partitions[k].error_code) {
				failed(response.topics[i].partitions[k].error_code);
			}
		}
	}
	times_ns[answered++] = clock_mono_ns() - stamps[tag & 0xffff];
	in_flight--;
	requests++;
}

static void send_commit(int n, int group, int32_t from, int32_t count)
{
	struct offset_commit_request request;
	arena_reset(&arena, 0);
	struct offset_commit_request_partition *rows = take_room((size_t)count, sizeof(*rows));
	for (int32_t i = 0; i < count; i++) {
		rows[i] = (struct offset_commit_request_partition){.partition_index = from + i,
			.committed_offset = n,
			.committed_leader_epoch = -1,
			.committed_metadata = slice_str("")};
	}
	struct offset_commit_request_topic topic = {
		.name = slice_str(opt.topic), .partitions = rows, .partitions_count = count};
	wire_defaults(&offset_commit_request_message, &request);
	request.group_id = slice_str(group_name(group));
	request.topics = &topic;
	request.topics_count = 1;
	stamps[n & 0xffff] = clock_mono_ns();
	peer_send(peer_at(n), OFFSET_COMMIT, 8, (uint32_t)n, &request);
	in_flight++;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Commits until the time is over (fill: until all is committed), opt.depth at a time. */
static void commit(bool fills)
{
	int64_t from = clock_mono_ns();
	int64_t until = fills ? INT64_MAX : from + (int64_t)(opt.seconds * 1e9);
	int most = fills ? opt.groups : 50 * 1000 * 1000, n = 0;
	double cpu = broker_cpu_s();
	times_ns = mem_new((size_t)most * sizeof(*times_ns));
	while (in_flight || (n < most && clock_mono_ns() < until)) {
		while (in_flight < opt.depth && n < most && clock_mono_ns() < until) {
			if (fills) {
				send_commit(n, n, 0, opt.partitions);
			} else {
				send_commit(n, n % opt.groups, n / opt.groups % opt.partitions, 1);
			}
			n++;
		}
		peers_poll(-1, take_commit);
	}
	double s = (double)(clock_mono_ns() - from) / 1e9;
	qsort(times_ns, (size_t)answered, sizeof(*times_ns), by_size);
	printf("req_s=%.0f offsets_s=%.0f p50_ms=%.3f p99_ms=%.3f cpu_us_req=%.1f mb=%.1f ",
		answered / s, (double)answered * (fills ? opt.partitions : 1) / s,
		(double)times_ns[answered / 2] / 1e6,
		(double)times_ns[(size_t)answered * 99 / 100] / 1e6,
		(broker_cpu_s() - cpu) * 1e6 / answered, broker_mb());
	mem_free(times_ns);
}

/* How many offsets the group has; -1: its partition is being loaded. */
static int64_t offsets_of(int group)
{
	struct offset_fetch_request_group row;
	struct offset_fetch_request request;
	struct offset_fetch_response response;
	wire_defaults(&offset_fetch_request_message, &request);
	wire_part_defaults(&offset_fetch_request_group_part, &row);
	row.group_id = slice_str(group_name(group));
	row.topics_count = -1;
	request.groups = &row;
	request.groups_count = 1;
	arena_reset(&arena, 0);
	peer_call(peer_at(0), OFFSET_FETCH, 8, &request, &arena, &response);
	if (response.groups_count != 1 || response.groups[0].error_code) {
		return -1;
	}
	int64_t count = 0;
	for (int32_t i = 0; i < response.groups[0].topics_count; i++) {
		count += response.groups[0].topics[i].partitions_count;
	}
	return count;
}

static void loaded(void)
{
	int64_t from = clock_mono_ns();
	int64_t all = 0;
	for (int g = 0; g < opt.groups; g++) {
		int64_t count;
		while ((count = offsets_of(g)) < 0) {
			usleep(2000);
		}
		all += count;
		if (g == (opt.groups < 200 ? opt.groups : 200) -
				 1) { /* 200: each of 50 partitions, most likely */
			printf("serving_ms=%.1f ", (double)(clock_mono_ns() - from) / 1e6);
		}
	}
	printf("loaded_ms=%.1f offsets=%lld mb=%.1f ", (double)(clock_mono_ns() - from) / 1e6,
		(long long)all, broker_mb());
	if (all != (int64_t)opt.groups * opt.partitions) {
		failed(-1);
	}
}

/* ---- before ---- */

static void make_topic(void)
{
	struct create_topics_request request;
	struct create_topics_response response;
	struct create_topics_request_creatable_topic topic;
	wire_defaults(&create_topics_request_message, &request);
	wire_part_defaults(&create_topics_request_creatable_topic_part, &topic);
	topic.name = slice_str(opt.topic);
	topic.num_partitions = opt.partitions;
	topic.replication_factor = 1;
	request.topics = &topic;
	request.topics_count = 1;
	peer_call(peer_at(0), CREATE_TOPICS, 5, &request, &arena, &response);
	int code = response.topics_count ? response.topics[0].error_code : -1;
	if (code && code != TOPIC_EXISTS) {
		errno = EEXIST;
		die("the topic is not made");
	}
}

/* Until each partition has a leader. */
static void await_topic(void)
{
	struct metadata_request request;
	struct metadata_response response;
	struct metadata_request_topic topic;
	int32_t have = 0;
	for (int i = 0; have < opt.partitions; i++) {
		if (i == 1000) {
			errno = ETIMEDOUT;
			die("the topic has no leaders");
		}
		wire_defaults(&metadata_request_message, &request);
		wire_part_defaults(&metadata_request_topic_part, &topic);
		topic.name = slice_str(opt.topic);
		request.topics = &topic;
		request.topics_count = 1;
		request.allow_auto_topic_creation = false;
		arena_reset(&arena, 0);
		peer_call(peer_at(0), METADATA, 9, &request, &arena, &response);
		have = 0;
		for (int32_t k = 0;
			response.topics_count && k < response.topics[0].partitions_count; k++) {
			have += !response.topics[0].partitions[k].error_code;
		}
		usleep(have < opt.partitions ? 20000 : 0);
	}
}

/* Until the coordinator's topic is there. */
static void await_coordinator(void)
{
	struct find_coordinator_request find;
	struct find_coordinator_response found;
	struct slice key = slice_str("members-warm");
	wire_defaults(&find_coordinator_request_message, &find);
	find.coordinator_keys = &key;
	find.coordinator_keys_count = 1;
	for (int i = 0; i < 1000; i++) {
		arena_reset(&arena, 0);
		peer_call(peer_at(0), FIND_COORDINATOR, 4, &find, &arena, &found);
		if (found.coordinators_count == 1 && !found.coordinators[0].error_code) {
			return;
		}
		usleep(20000);
	}
	errno = ETIMEDOUT;
	die("no coordinator");
}

static bool take_option(int c)
{
	switch (c) {
	case 'n':
		opt.members = atoi(optarg);
		break;
	case 'g':
		opt.groups = atoi(optarg);
		break;
	case 'c':
		opt.conns = atoi(optarg);
		break;
	case 'd':
		opt.depth = atoi(optarg);
		break;
	case 'p':
		opt.partitions = atoi(optarg);
		break;
	case 'T':
		opt.topic = optarg;
		break;
	case 'i':
		opt.beat_ms = atoi(optarg);
		break;
	case 't':
		opt.seconds = atof(optarg);
		break;
	case 'P':
		opt.pid = atoi(optarg);
		break;
	case '8':
		opt.consumer = true;
		break;
	default:
		return false;
	}
	return true;
}

static bool take_options(int argc, char **argv)
{
	int c;
	optind = 2;
	while (argc > 2 && (c = getopt(argc, argv, "n:g:c:d:p:T:i:t:P:8")) != -1) {
		if (!take_option(c)) {
			return false;
		}
	}
	if (argc < 3 || optind != argc - 1) {
		return false;
	}
	opt.mode = argv[1];
	opt.address = argv[optind];
	opt.conns = opt.conns ? opt.conns : opt.members + 1;
	return opt.members > 0 && opt.groups > 0 && opt.conns > 0 && opt.partitions > 0 &&
	       opt.depth > 0 && opt.depth <= 4096 && strlen(opt.topic) < 250;
}

int main(int argc, char **argv)
{
	if (!take_options(argc, argv)) {
		fprintf(stderr, "usage: members settle|idle|commit|fill|loaded [options] "
				"HOST:PORT; see members.c\n");
		return 2;
	}
	arena_init(&arena, 0);
	peers_open(opt.address, opt.conns);
	if (!strcmp(opt.mode, "loaded")) {
		loaded();
	} else {
		make_topic();
		await_topic();
		await_coordinator();
		make_members();
		if (!strcmp(opt.mode, "settle")) {
			settle();
		} else if (!strcmp(opt.mode, "idle")) {
			idle();
		} else {
			commit(!strcmp(opt.mode, "fill"));
		}
		free_members();
	}
	printf("requests=%llu errors=%llu error=%d\n", (unsigned long long)requests,
		(unsigned long long)errors, first_error);
	peers_close();
	arena_fini(&arena);
	return errors > 0;
}
