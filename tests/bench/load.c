/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Load for a Kafka broker, over plain sockets: frames are made once, so that the client costs
 * little. One line of name=value pairs comes out.
 *
 *   load produce|fetch|connect [options] HOST:PORT
 *     -c N  connections (1)             -d N  requests in flight on each (5)
 *     -b N  bytes of a batch (16384)    -s N  bytes of a record's value (100)
 *     -a N  acks: 0, 1, -1 (1)          -p N  partitions (1)
 *     -T S  topic (bench)               -t N  seconds (3)
 *     -w N  seconds before that, not counted (0)
 *     -m N  stops after so many MB      -n N  stops after so many requests
 *     -r N  requests a second at even times (open loop); latency counts from the intended time
 *     -S    a skeleton: no topic is made
 *     -C    fetch: from the start to the end once; checksums and offsets are checked
 *
 * connect opens the connections, keeps them for the time, and sends nothing.
 *
 * Produce version 7, Fetch version 11, CreateTopics version 4. -b is also the most that one fetch
 * asks for. Latency runs from the request's first byte given to the kernel to the answer's last.
 */
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/crc32c.h"
#include "core/base/mem.h"
#include "core/record/record.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	CONNS_MAX = 1024,
	DEPTH_MAX = 4096, /* of the open loop's backlog, too */
	HEAD_MAX = 512,
	GATHER = 16,
	SLICE_BYTES = 256 * 1024,
	LATENCY_MAX_US = 4 * 1000 * 1000,
};

struct conn {
	int fd, index;
	uint64_t due, sent, done; /* frames: may leave, left, answered */
	size_t part;		  /* bytes of frame number sent that have left */
	int64_t stamp_ns[DEPTH_MAX];
	struct buf in;
	int64_t offset; /* fetch: the next one */
	bool at_end, want_write;
};

static struct {
	bool fetch, connect, skeleton, check;
	int conns, depth, acks, partitions;
	size_t batch_bytes, value_bytes;
	double seconds, warm_seconds, mb_max, rate;
	uint64_t requests_max;
	const char *topic, *address;
} opt = {.conns = 1,
	.depth = 5,
	.acks = 1,
	.partitions = 1,
	.batch_bytes = 16384,
	.value_bytes = 100,
	.seconds = 3,
	.topic = "bench"};

static struct conn conns[CONNS_MAX];
static struct buf batch;
static int64_t batch_records;
static uint32_t latencies[LATENCY_MAX_US + 1];
static uint8_t slice[SLICE_BYTES];
static struct {
	uint64_t issued, answered, errors, bytes, records, counted;
	int64_t begin_ns, from_ns, last_ns, next_ns;
	int first_error;
	bool stopping;
} run;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "not understood");
	exit(1);
}

/* --- frames --- */

static void put16(struct buf *buf, int v)
{
	uint8_t p[2];
	be16_put(p, (uint16_t)v);
	buf_add(buf, p, 2);
}

static void put32(struct buf *buf, int64_t v)
{
	uint8_t p[4];
	be32_put(p, (uint32_t)v);
	buf_add(buf, p, 4);
}

static void put64(struct buf *buf, int64_t v)
{
	uint8_t p[8];
	be64_put(p, (uint64_t)v);
	buf_add(buf, p, 8);
}

static void put_text(struct buf *buf, const char *text)
{
	put16(buf, (int)strlen(text));
	buf_add_str(buf, text);
}

static void begin(struct buf *buf, int key, int version, uint32_t corr)
{
	buf_reset(buf);
	put32(buf, 0);
	put16(buf, key);
	put16(buf, version);
	put32(buf, corr);
	put_text(buf, "load");
}

static void finish(struct buf *buf, size_t behind)
{
	be32_put(buf->data, (uint32_t)(buf->len - 4 + behind));
}

/* All of a Produce but its batch. */
static void produce_head(struct buf *buf, uint32_t corr, int partition)
{
	begin(buf, 0, 7, corr);
	put16(buf, -1);
	put16(buf, opt.acks);
	put32(buf, 30000);
	put32(buf, 1);
	put_text(buf, opt.topic);
	put32(buf, 1);
	put32(buf, partition);
	put32(buf, (int64_t)batch.len);
	finish(buf, batch.len);
}

static void fetch_frame(struct buf *buf, uint32_t corr, int partition, int64_t offset)
{
	begin(buf, 1, 11, corr);
	put32(buf, -1);
	put32(buf, 0);
	put32(buf, 1);
	put32(buf, (int64_t)opt.batch_bytes);
	buf_add_byte(buf, 0);
	put32(buf, 0);
	put32(buf, -1);
	put32(buf, 1);
	put_text(buf, opt.topic);
	put32(buf, 1);
	put32(buf, partition);
	put32(buf, -1);
	put64(buf, offset);
	put64(buf, -1);
	put32(buf, (int64_t)opt.batch_bytes);
	put32(buf, 0);
	put_text(buf, "");
	finish(buf, 0);
}

static void make_batch(void)
{
	struct weir_err err;
	struct batch_builder builder;
	uint8_t *value = mem_new(opt.value_bytes + 1);
	for (size_t i = 0; i < opt.value_bytes; i++) {
		value[i] = (uint8_t)('a' + i * 7 % 26);
	}
	struct slice v = slice_of(value, opt.value_bytes);
	int64_t now = clock_wall_ms();
	batch_builder_init(&builder, CODEC_NONE, CODEC_LEVEL_DEFAULT);
	batch_builder_start(&builder);
	do {
		if (batch_builder_add(&builder, now, slice_of(NULL, 0), v, NULL, 0, &err)) {
			die(err.text);
		}
	} while (batch_builder_size(&builder) + opt.value_bytes + 12 <= opt.batch_bytes);
	batch_records = builder.count;
	if (batch_builder_finish(&builder, -1, -1, -1, 0, &batch, &err)) {
		die(err.text);
	}
	batch_builder_fini(&builder);
	mem_free(value);
}

/* --- before the run: blocking calls --- */

static int dial(void)
{
	char host[256];
	const char *colon = strrchr(opt.address, ':');
	if (!colon || (size_t)(colon - opt.address) >= sizeof(host)) {
		errno = EINVAL;
		die(opt.address);
	}
	snprintf(host, sizeof(host), "%.*s", (int)(colon - opt.address), opt.address);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	if (getaddrinfo(host, colon + 1, &hints, &found)) {
		errno = EINVAL;
		die(opt.address);
	}
	int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen)) {
		die(opt.address);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	freeaddrinfo(found);
	return fd;
}

static void read_all(int fd, void *to, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = read(fd, (char *)to + at, len - at);
		if (n <= 0) {
			die("the broker closed");
		}
		at += (size_t)n;
	}
}

/* The answer from its correlation id on, in buf. */
static void call(int fd, struct buf *buf)
{
	uint8_t len[4];
	if (write(fd, buf->data, buf->len) != (ssize_t)buf->len) {
		die("send");
	}
	read_all(fd, len, 4);
	buf_reset(buf);
	if (!buf_reserve(buf, be32_get(len))) {
		die("answer");
	}
	buf->len = be32_get(len);
	read_all(fd, buf->data, buf->len);
}

static void make_topic(int fd)
{
	struct buf buf;
	buf_init(&buf, 0);
	begin(&buf, 19, 4, 1);
	put32(&buf, 1);
	put_text(&buf, opt.topic);
	put32(&buf, opt.partitions);
	put16(&buf, 1);
	put32(&buf, 0);
	put32(&buf, 0);
	put32(&buf, 30000);
	buf_add_byte(&buf, 0);
	finish(&buf, 0);
	call(fd, &buf);
	size_t at = 12 + 2 + strlen(opt.topic);
	int code = buf.len >= at + 2 ? (int16_t)be16_get(buf.data + at) : -1;
	if (code && code != 36) {
		fprintf(stderr, "load: topic %s: error %d\n", opt.topic, code);
		exit(1);
	}
	for (int p = 0; p < opt.partitions; p++) {
		/* A new leader takes its time. */
		for (int turn = 0;; turn++) {
			fetch_frame(&buf, 1, p, 0);
			call(fd, &buf);
			at = 4 + 10 + 4 + 2 + strlen(opt.topic) + 8;
			code = buf.len >= at + 2 ? (int16_t)be16_get(buf.data + at) : -1;
			if (!code) {
				break;
			}
			if (turn == 100) {
				fprintf(stderr, "load: partition %d: error %d\n", p, code);
				exit(1);
			}
			usleep(50 * 1000);
		}
	}
	buf_fini(&buf);
}

/* --- sending --- */

static bool may_issue(void)
{
	if (run.stopping || (opt.requests_max && run.issued >= opt.requests_max) ||
		(opt.mb_max > 0 && !opt.fetch &&
			(double)run.issued * (double)batch.len >= opt.mb_max * 1e6)) {
		run.stopping = true;
		return false;
	}
	return true;
}

/* Frames a connection may send now, closed loop: up to its depth. */
static void fill(struct conn *conn)
{
	while (opt.rate <= 0 && conn->due - conn->done < (uint64_t)opt.depth && !conn->at_end &&
		may_issue()) {
		conn->due++;
		run.issued++;
	}
}

static int partition_of(const struct conn *conn, uint64_t frame)
{
	return opt.fetch ? conn->index % opt.partitions
			 : (int)(((uint64_t)conn->index + frame) % (uint64_t)opt.partitions);
}

static void want(struct conn *conn, int epoll_fd, bool write)
{
	if (conn->want_write != write) {
		struct epoll_event ev = {.events = write ? EPOLLIN | EPOLLOUT : EPOLLIN,
			.data.u32 = (uint32_t)conn->index};
		epoll_ctl(epoll_fd, EPOLL_CTL_MOD, conn->fd, &ev);
		conn->want_write = write;
	}
}

/* Up to GATHER frames as pieces, without the bytes of the first that have left. */
static int gather(struct conn *conn, struct buf *heads, struct iovec *iov, size_t *frame_bytes)
{
	int count = 0;
	size_t skip = conn->part;
	for (uint64_t f = conn->sent; f < conn->due && f - conn->sent < GATHER; f++) {
		struct buf *head = &heads[f - conn->sent];
		if (opt.fetch) {
			fetch_frame(head, (uint32_t)f, partition_of(conn, f), conn->offset);
		} else {
			produce_head(head, (uint32_t)f, partition_of(conn, f));
		}
		*frame_bytes = head->len + (opt.fetch ? 0 : batch.len);
		struct slice pieces[2] = {slice_of(head->data, head->len),
			slice_of(batch.data, opt.fetch ? 0 : batch.len)};
		for (int i = 0; i < 2; i++) {
			size_t cut = skip < pieces[i].len ? skip : pieces[i].len;
			skip -= cut;
			if (pieces[i].len > cut) {
				iov[count++] =
					(struct iovec){(uint8_t *)(uintptr_t)pieces[i].data + cut,
						pieces[i].len - cut};
			}
		}
	}
	return count;
}

static void send_due(struct conn *conn, int epoll_fd)
{
	static struct buf heads[GATHER];
	while (conn->sent < conn->due) {
		struct iovec iov[GATHER * 2];
		size_t frame_bytes = 0;
		struct msghdr msg = {.msg_iov = iov};
		msg.msg_iovlen = (size_t)gather(conn, heads, iov, &frame_bytes);
		int64_t now = clock_mono_ns();
		ssize_t n = sendmsg(conn->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			want(conn, epoll_fd, true);
			return;
		}
		if (n < 0) {
			die("send");
		}
		for (uint64_t f = conn->sent; opt.rate <= 0 && f < conn->due; f++) {
			if (f > conn->sent || !conn->part) {
				conn->stamp_ns[f % DEPTH_MAX] = now;
			}
		}
		conn->part += (size_t)n;
		while (conn->part >= frame_bytes && conn->sent < conn->due) {
			conn->part -= frame_bytes;
			conn->sent++;
			if (opt.acks == 0 && !opt.fetch) {
				conn->done++;
				run.answered++;
				run.counted++;
				run.bytes += batch.len;
				run.records += (uint64_t)batch_records;
				run.last_ns = now;
				fill(conn);
			}
		}
	}
	want(conn, epoll_fd, false);
}

/* Open loop: frames whose time has come, in turn to each connection. */
static int issue_due(int epoll_fd)
{
	if (opt.rate <= 0) {
		return -1;
	}
	int64_t now = clock_mono_ns(), step = (int64_t)(1e9 / opt.rate);
	while (run.next_ns <= now && may_issue()) {
		struct conn *conn = &conns[run.issued % (uint64_t)opt.conns];
		if (conn->due - conn->done >= DEPTH_MAX) {
			errno = EOVERFLOW;
			die("the broker does not keep up");
		}
		conn->stamp_ns[conn->due % DEPTH_MAX] = run.next_ns;
		conn->due++;
		run.issued++;
		run.next_ns += step;
		send_due(conn, epoll_fd);
	}
	return run.stopping ? -1 : 0;
}

/* --- receiving --- */

static void failed(int code)
{
	run.errors++;
	run.first_error = run.first_error ? run.first_error : code;
}

/* Walks the batches for the next offset, and checks them if so asked. */
static void take_batches(struct conn *conn, const uint8_t *p, size_t len, uint64_t *records)
{
	size_t at = 0;
	while (len - at >= BATCH_HEADER_BYTES) {
		size_t size = be32_get(p + at + 8) + 12u;
		if (size > len - at) {
			break;
		}
		int64_t base = (int64_t)be64_get(p + at);
		uint32_t count = be32_get(p + at + 23) + 1;
		if (opt.check && (be32_get(p + at + 17) != crc32c(0, p + at + 21, size - 21) ||
					 base != conn->offset)) {
			failed(2);
		}
		conn->offset = base + count;
		*records += count;
		at += size;
	}
}

static void take_answer(struct conn *conn, const uint8_t *p, size_t len)
{
	size_t name = strlen(opt.topic), bytes = batch.len;
	uint64_t records = (uint64_t)batch_records;
	size_t at = opt.fetch ? 4 + 10 + 4 + 2 + name + 4 + 4 : 4 + 4 + 2 + name + 4 + 4;
	if (len < at + (opt.fetch ? 38u : 26u)) {
		errno = 0;
		die("answer");
	}
	int code = (int16_t)be16_get(p + at);
	if (opt.fetch) {
		at += 2 + 24;
		int32_t aborted = (int32_t)be32_get(p + at);
		at += 4 + (aborted > 0 ? (size_t)aborted * 16 : 0) + 4;
		bytes = at + 4 <= len ? len - at - 4 : 0;
		records = 0;
		take_batches(conn, p + at + 4, bytes, &records);
	}
	if (code) {
		failed(code);
	}
	int64_t now = clock_mono_ns();
	int64_t us = (now - conn->stamp_ns[conn->done % DEPTH_MAX]) / 1000;
	conn->done++;
	run.answered++;
	if (opt.fetch && !records) {
		conn->at_end = opt.check;
		conn->offset = 0;
	}
	if (now >= run.from_ns && !code) {
		latencies[us < LATENCY_MAX_US ? us : LATENCY_MAX_US]++;
		run.counted++;
		run.bytes += bytes;
		run.records += records;
		run.last_ns = now;
	}
}

static void take_answers(struct conn *conn, const uint8_t *p, size_t len)
{
	size_t at = 0;
	while (len - at >= 4 && len - at - 4 >= be32_get(p + at)) {
		size_t size = be32_get(p + at);
		take_answer(conn, p + at + 4, size);
		at += size + 4;
	}
	if (p == slice) {
		buf_add(&conn->in, p + at, len - at);
	} else {
		buf_drop(&conn->in, at);
	}
}

static void receive(struct conn *conn)
{
	bool direct = conn->in.len > 0;
	uint8_t *to = slice;
	size_t room = SLICE_BYTES;
	if (direct) {
		if (conn->in.len >= 4) {
			size_t size = be32_get(conn->in.data) + 4u;
			room = size > conn->in.len ? size - conn->in.len : room;
		}
		if (!buf_reserve(&conn->in, room)) {
			die("receive");
		}
		to = conn->in.data + conn->in.len;
	}
	ssize_t n = recv(conn->fd, to, room, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN) {
		return;
	}
	if (n <= 0) {
		die("the broker closed");
	}
	if (direct) {
		conn->in.len += (size_t)n;
		take_answers(conn, conn->in.data, conn->in.len);
	} else {
		take_answers(conn, slice, (size_t)n);
	}
	if (opt.mb_max > 0 && opt.fetch && (double)run.bytes >= opt.mb_max * 1e6) {
		run.stopping = true;
	}
}

static bool idle(void)
{
	for (int i = 0; i < opt.conns; i++) {
		if (conns[i].done < conns[i].due || (!run.stopping && !conns[i].at_end)) {
			return false;
		}
	}
	return true;
}

static void work(void)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	run.begin_ns = clock_mono_ns();
	run.from_ns = run.begin_ns + (int64_t)(opt.warm_seconds * 1e9);
	run.next_ns = run.begin_ns;
	int64_t until = run.from_ns + (int64_t)(opt.seconds * 1e9);
	for (int i = 0; i < opt.conns; i++) {
		struct epoll_event ev = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conns[i].fd, &ev);
		fill(&conns[i]);
		send_due(&conns[i], epoll_fd);
	}
	while (!idle()) {
		struct epoll_event got[64];
		/* The open loop does not sleep: a late wake-up would count as the broker's. */
		int n = epoll_wait(epoll_fd, got, 64, issue_due(epoll_fd) ? 100 : 0);
		run.stopping = run.stopping || clock_mono_ns() >= until;
		for (int i = 0; i < n; i++) {
			struct conn *conn = &conns[got[i].data.u32];
			if (got[i].events & ~(uint32_t)EPOLLOUT) {
				receive(conn);
			}
			fill(conn);
			send_due(conn, epoll_fd);
		}
	}
	close(epoll_fd);
}

/* --- the end --- */

static double latency_ms(double part)
{
	uint64_t all = 0, seen = 0;
	for (size_t i = 0; i <= LATENCY_MAX_US; i++) {
		all += latencies[i];
	}
	for (size_t i = 0; i <= LATENCY_MAX_US; i++) {
		seen += latencies[i];
		if (all && (double)seen >= part * (double)all) {
			return (double)i / 1000;
		}
	}
	return 0;
}

static void report(void)
{
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	double s = (double)(run.last_ns - run.from_ns) / 1e9;
	s = s > 0 ? s : 1e-9;
	printf("mb_s=%.1f req_s=%.0f rec_s=%.0f p50_ms=%.3f p99_ms=%.3f p999_ms=%.3f max_ms=%.3f ",
		(double)run.bytes / 1e6 / s, (double)run.counted / s, (double)run.records / s,
		latency_ms(0.5), latency_ms(0.99), latency_ms(0.999), latency_ms(1));
	printf("requests=%llu records=%llu bytes=%llu seconds=%.3f client_cpu_s=%.2f errors=%llu "
	       "error=%d\n",
		(unsigned long long)run.answered, (unsigned long long)run.records,
		(unsigned long long)run.bytes, s,
		(double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
			(double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6,
		(unsigned long long)run.errors, run.first_error);
}

static bool take_option(int c)
{
	switch (c) {
	case 'c':
		opt.conns = atoi(optarg);
		break;
	case 'd':
		opt.depth = atoi(optarg);
		break;
	case 'b':
		opt.batch_bytes = strtoul(optarg, NULL, 10);
		break;
	case 's':
		opt.value_bytes = strtoul(optarg, NULL, 10);
		break;
	case 'a':
		opt.acks = atoi(optarg);
		break;
	case 'p':
		opt.partitions = atoi(optarg);
		break;
	case 'T':
		opt.topic = optarg;
		break;
	case 't':
		opt.seconds = atof(optarg);
		break;
	case 'w':
		opt.warm_seconds = atof(optarg);
		break;
	case 'm':
		opt.mb_max = atof(optarg);
		break;
	case 'n':
		opt.requests_max = strtoul(optarg, NULL, 10);
		break;
	case 'r':
		opt.rate = atof(optarg);
		break;
	case 'S':
		opt.skeleton = true;
		break;
	case 'C':
		opt.check = true;
		break;
	default:
		return false;
	}
	return true;
}

static bool take_options(int argc, char **argv)
{
	if (argc < 3) {
		return false;
	}
	opt.fetch = !strcmp(argv[1], "fetch");
	opt.connect = !strcmp(argv[1], "connect");
	if (!opt.fetch && !opt.connect && strcmp(argv[1], "produce") != 0) {
		return false;
	}
	int c;
	optind = 2;
	while ((c = getopt(argc, argv, "c:d:b:s:a:p:T:t:w:m:n:r:SC")) != -1) {
		if (!take_option(c)) {
			return false;
		}
	}
	if (opt.fetch) {
		opt.depth = 1; /* the next offset comes from the answer */
	}
	opt.address = argv[optind];
	return optind == argc - 1 && opt.conns > 0 && opt.conns <= CONNS_MAX && opt.depth > 0 &&
	       opt.depth <= DEPTH_MAX && opt.partitions > 0 && strlen(opt.topic) < HEAD_MAX / 2;
}

int main(int argc, char **argv)
{
	if (!take_options(argc, argv)) {
		fprintf(stderr,
			"usage: load produce|fetch|connect [options] HOST:PORT; see load.c\n");
		return 2;
	}
	buf_init(&batch, 0);
	if (!opt.fetch) {
		make_batch();
	}
	for (int i = 0; i < opt.conns; i++) {
		conns[i].fd = dial();
		conns[i].index = i;
		buf_init(&conns[i].in, 0);
	}
	if (opt.connect) {
		usleep((useconds_t)(opt.seconds * 1e6));
	} else {
		if (!opt.skeleton) {
			make_topic(conns[0].fd);
		}
		work();
		report();
	}
	for (int i = 0; i < opt.conns; i++) {
		close(conns[i].fd);
		buf_fini(&conns[i].in);
	}
	buf_fini(&batch);
	return run.errors > 0;
}
