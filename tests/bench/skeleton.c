/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The least a broker can do for a Produce or Fetch request, as a measure for the real one: an epoll
 * loop, framing, CRC-32C, base offset patched in, pwrite, acknowledgement; fetches by sendfile.
 * One partition a request, batches of one partition all alike, no checks beyond what keeps it from
 * reading past a frame. With -g acknowledgements wait for one thread that calls fdatasync.
 *
 *   skeleton [-g] DIR     prints "listening 127.0.0.1:PORT", runs until killed
 *
 * Produce version 7 and Fetch version 11, as tests/bench/load sends them.
 */
#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SLICE_BYTES = 128 * 1024,
	PARTITIONS_MAX = 1024,
	CONNS_MAX = 1024,
	OUT_BYTES = 64 * 1024,
	ACKS_MAX = 1024,
	FRAME_BYTES_MAX = 100 * 1024 * 1024,
};

struct file {
	int fd;
	int64_t size, next_offset;
	int64_t batch_bytes, batch_records; /* of every batch: what a fetch finds positions by */
	bool dirty;			    /* guarded by sync.lock */
};

struct conn {
	int fd;
	uint8_t *in; /* an unfinished frame */
	size_t in_len, in_room;
	uint8_t out[OUT_BYTES];
	size_t out_from, out_len;
	/* -g: out up to end may leave once seq is synced */
	struct {
		uint64_t seq;
		size_t end;
	} acks[ACKS_MAX];
	size_t ack_from, ack_to, out_free; /* out_free: end of what may leave */
	int run_fd;			   /* a fetch's bytes, behind out */
	off_t run_pos;
	size_t run_left;
	bool want_write;
};

static struct file files[PARTITIONS_MAX];
static struct conn *conns[CONNS_MAX];
static const char *dir;
static bool group;
static int epoll_fd, wake_fd;
static uint8_t slice[SLICE_BYTES];

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work;
	uint64_t appended, synced;
} sync_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER};

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct file *file_of(uint32_t partition)
{
	if (partition >= PARTITIONS_MAX) {
		errno = EINVAL;
		die("partition");
	}
	struct file *file = &files[partition];
	if (!file->fd) {
		char *path = mem_printf("%s/%u.log", dir, partition);
		file->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (file->fd < 0) {
			die(path);
		}
		mem_free(path);
	}
	return file;
}

static void *flusher(void *arg)
{
	for (;;) {
		int fds[PARTITIONS_MAX];
		size_t count = 0;
		pthread_mutex_lock(&sync_state.lock);
		while (sync_state.appended == sync_state.synced) {
			pthread_cond_wait(&sync_state.work, &sync_state.lock);
		}
		uint64_t seq = sync_state.appended;
		for (size_t i = 0; i < PARTITIONS_MAX; i++) {
			if (files[i].dirty) {
				files[i].dirty = false;
				fds[count++] = files[i].fd;
			}
		}
		pthread_mutex_unlock(&sync_state.lock);
		for (size_t i = 0; i < count; i++) {
			if (fdatasync(fds[i])) {
				die("fdatasync");
			}
		}
		pthread_mutex_lock(&sync_state.lock);
		sync_state.synced = seq;
		pthread_mutex_unlock(&sync_state.lock);
		uint64_t one = 1;
		if (write(wake_fd, &one, sizeof(one)) < 0) {
			die("eventfd");
		}
	}
	return arg;
}

static void drop(struct conn *conn)
{
	close(conn->fd);
	conns[conn->fd] = NULL;
	mem_free(conn->in);
	mem_free(conn);
}

static void want(struct conn *conn, bool write)
{
	if (conn->want_write != write) {
		struct epoll_event ev = {
			.events = write ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.fd = conn->fd};
		epoll_ctl(epoll_fd, EPOLL_CTL_MOD, conn->fd, &ev);
		conn->want_write = write;
	}
}

/* Sends what may leave. */
static void flush(struct conn *conn)
{
	size_t end = group ? conn->out_free : conn->out_len;
	while (conn->out_from < end) {
		ssize_t n = send(conn->fd, conn->out + conn->out_from, end - conn->out_from,
			MSG_NOSIGNAL | MSG_DONTWAIT | (conn->run_left ? MSG_MORE : 0));
		if (n < 0) {
			want(conn, true);
			return;
		}
		conn->out_from += (size_t)n;
	}
	while (conn->run_left) {
		size_t most = conn->run_left > (1u << 20) ? 1u << 20 : conn->run_left;
		ssize_t n = sendfile(conn->fd, conn->run_fd, &conn->run_pos, most);
		if (n <= 0) {
			want(conn, true);
			return;
		}
		conn->run_left -= (size_t)n;
	}
	if (conn->out_from == conn->out_len) {
		conn->out_from = conn->out_len = conn->out_free = 0;
	}
	want(conn, false);
}

static uint8_t *out_room(struct conn *conn, size_t len)
{
	if (conn->out_len + len > OUT_BYTES && conn->out_from) {
		size_t from = conn->out_from;
		memmove(conn->out, conn->out + from, conn->out_len - from);
		conn->out_len -= from;
		conn->out_free -= group ? from : 0;
		for (size_t i = conn->ack_from; i != conn->ack_to; i++) {
			conn->acks[i % ACKS_MAX].end -= from;
		}
		conn->out_from = 0;
	}
	if (conn->out_len + len > OUT_BYTES) {
		errno = ENOBUFS;
		die("answers");
	}
	uint8_t *p = conn->out + conn->out_len;
	memset(p, 0, len);
	conn->out_len += len;
	return p;
}

static void note_append(struct conn *conn, struct file *file)
{
	pthread_mutex_lock(&sync_state.lock);
	file->dirty = true;
	uint64_t seq = ++sync_state.appended;
	pthread_cond_signal(&sync_state.work);
	pthread_mutex_unlock(&sync_state.lock);
	conn->acks[conn->ack_to % ACKS_MAX].seq = seq;
	conn->acks[conn->ack_to % ACKS_MAX].end = conn->out_len;
	conn->ack_to++;
}

static void produce(struct conn *conn, const uint8_t *corr, uint8_t *body, size_t len)
{
	/* transactional id null 2, acks 2, timeout 4, 1 topic 4, name, 1 partition 4, index 4, len
	 * 4 */
	size_t name_len = be16_get(body + 12), at = 14 + name_len;
	struct file *file = file_of(be32_get(body + at + 4));
	uint8_t *batch = body + at + 12;
	size_t size = len - at - 12;
	if (at + 12 + 61 > len || be32_get(batch + 17) != crc32c(0, batch + 21, size - 21)) {
		errno = EBADMSG;
		die("batch");
	}
	int64_t base = file->next_offset;
	file->batch_records = be32_get(batch + 23) + 1LL;
	file->batch_bytes = (int64_t)size;
	be64_put(batch, (uint64_t)base);
	be32_put(batch + 12, 0);
	if (pwrite(file->fd, batch, size, file->size) != (ssize_t)size) {
		die("pwrite");
	}
	file->size += (int64_t)size;
	file->next_offset += file->batch_records;
	size_t reply = 4 + 4 + 4 + 2 + name_len + 4 + 30 + 4;
	uint8_t *p = out_room(conn, reply);
	be32_put(p, (uint32_t)reply - 4);
	memcpy(p + 4, corr, 4);
	be32_put(p + 8, 1);
	memcpy(p + 12, body + 12, 2 + name_len);
	p += 14 + name_len;
	be32_put(p, 1);
	memcpy(p + 4, body + at + 4, 4);
	be64_put(p + 10, (uint64_t)base);
	be64_put(p + 18, (uint64_t)-1);
	if (group) {
		note_append(conn, file);
	}
}

static void fetch(struct conn *conn, const uint8_t *corr, const uint8_t *body, size_t len)
{
	/* replica 4, wait 4, min 4, max 4, isolation 1, session 8, 1 topic 4, name, 1 partition 4,
	 * index 4, epoch 4, offset 8, start 8, max 4 */
	size_t name_len = be16_get(body + 29), at = 31 + name_len + 4;
	if (at + 28 > len) {
		errno = EBADMSG;
		die("fetch");
	}
	struct file *file = file_of(be32_get(body + at));
	int64_t offset = (int64_t)be64_get(body + at + 8), most = be32_get(body + at + 24);
	int64_t pos = file->batch_bytes ? offset / file->batch_records * file->batch_bytes : 0;
	int64_t left = file->size - pos;
	int64_t run = file->batch_bytes ? most / file->batch_bytes * file->batch_bytes : 0;
	run = run < left ? run : left;
	size_t head = 4 + 4 + 4 + 2 + 4 + 4 + 2 + name_len + 4 + 42;
	uint8_t *p = out_room(conn, head);
	be32_put(p, (uint32_t)(head - 4 + (size_t)run));
	memcpy(p + 4, corr, 4);
	be32_put(p + 18, 1);
	memcpy(p + 22, body + 29, 2 + name_len);
	p += 24 + name_len;
	be32_put(p, 1);
	memcpy(p + 4, body + at, 4);
	be64_put(p + 10, (uint64_t)file->next_offset);
	be64_put(p + 18, (uint64_t)file->next_offset);
	be32_put(p + 34, UINT32_MAX);
	be32_put(p + 38, UINT32_MAX);
	be32_put(p + 42, (uint32_t)run);
	conn->out_free = conn->out_len;
	conn->run_fd = file->fd;
	conn->run_pos = pos;
	conn->run_left = (size_t)run;
}

static void handle(struct conn *conn, uint8_t *frame, size_t len)
{
	size_t head = 10 + (size_t)be16_get(frame + 8);
	if (len < head + 32) {
		errno = EBADMSG;
		die("frame");
	}
	int key = be16_get(frame);
	if (key == 0) {
		produce(conn, frame + 4, frame + head, len - head);
	} else if (key == 1) {
		fetch(conn, frame + 4, frame + head, len - head);
	} else {
		errno = ENOSYS;
		die("request");
	}
}

/* Whole frames in bytes are handled; returns how many bytes they were. */
static size_t handle_all(struct conn *conn, uint8_t *bytes, size_t len)
{
	size_t at = 0;
	while (len - at >= 4 && !conn->run_left) {
		size_t size = be32_get(bytes + at);
		if (size > FRAME_BYTES_MAX || size > len - at - 4) {
			break;
		}
		handle(conn, bytes + at + 4, size);
		at += 4 + size;
		if (conn->run_left) {
			flush(conn); /* one run at a time */
		}
	}
	return at;
}

static void keep(struct conn *conn, const uint8_t *bytes, size_t len)
{
	bool inside = conn->in_len > 0;
	if (inside) {
		memmove(conn->in, bytes, len);
		bytes = conn->in;
	}
	size_t need = SLICE_BYTES;
	if (len >= 4 && be32_get(bytes) + 4u > need && be32_get(bytes) <= FRAME_BYTES_MAX) {
		need = be32_get(bytes) + 4u;
	}
	if (need > conn->in_room) {
		conn->in = mem_grow(conn->in, need, 1);
		conn->in_room = need;
	}
	if (!inside && len) {
		memcpy(conn->in, bytes, len);
	}
	conn->in_len = len;
}

static void readable(struct conn *conn)
{
	bool direct = conn->in_len > 0;
	uint8_t *to = direct ? conn->in + conn->in_len : slice;
	size_t room = direct ? conn->in_room - conn->in_len : SLICE_BYTES;
	if (direct && conn->in_len >= 4) {
		size_t missing = be32_get(conn->in) + 4u;
		missing = missing > conn->in_len ? missing - conn->in_len : room;
		room = missing < room ? missing : room;
	}
	room = room > SLICE_BYTES ? SLICE_BYTES : room;
	if (!room) {
		return; /* a full buffer of fetches behind a run: its turn comes when that has left
			 */
	}
	ssize_t n = recv(conn->fd, to, room, MSG_DONTWAIT);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN) {
			drop(conn);
		}
		return;
	}
	if (direct) {
		conn->in_len += (size_t)n;
		size_t used = handle_all(conn, conn->in, conn->in_len);
		if (used) {
			keep(conn, conn->in + used, conn->in_len - used);
		}
	} else {
		size_t used = handle_all(conn, slice, (size_t)n);
		if (used < (size_t)n) {
			keep(conn, slice + used, (size_t)n - used);
		}
	}
	if (!group) {
		flush(conn);
	}
}

static void writable(struct conn *conn)
{
	flush(conn);
	while (!conn->run_left && conn->in_len) {
		size_t used = handle_all(conn, conn->in, conn->in_len);
		if (!used) {
			break;
		}
		keep(conn, conn->in + used, conn->in_len - used);
		flush(conn);
	}
}

static void release_acks(void)
{
	uint64_t count;
	if (read(wake_fd, &count, sizeof(count)) < 0) {
		return;
	}
	pthread_mutex_lock(&sync_state.lock);
	uint64_t synced = sync_state.synced;
	pthread_mutex_unlock(&sync_state.lock);
	for (size_t i = 0; i < CONNS_MAX; i++) {
		struct conn *conn = conns[i];
		bool some = false;
		while (conn && conn->ack_from != conn->ack_to &&
			conn->acks[conn->ack_from % ACKS_MAX].seq <= synced) {
			conn->out_free = conn->acks[conn->ack_from++ % ACKS_MAX].end;
			some = true;
		}
		if (some) {
			flush(conn);
		}
	}
}

static void accept_one(int listen_fd)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
	if (fd < 0 || fd >= CONNS_MAX) {
		die("accept");
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conns[fd] = mem_new(sizeof(*conns[fd]));
	conns[fd]->fd = fd;
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev)) {
		die("epoll_ctl");
	}
}

static int listen_on(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) || listen(fd, 512) ||
		getsockname(fd, (struct sockaddr *)&at, &len)) {
		die("listen");
	}
	printf("listening 127.0.0.1:%d\n", ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	group = argc == 3 && !strcmp(argv[1], "-g");
	if (argc != 2 && !group) {
		fprintf(stderr, "usage: skeleton [-g] DIR\n");
		return 2;
	}
	dir = argv[argc - 1];
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int listen_fd = listen_on();
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = listen_fd};
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &ev);
	ev.data.fd = wake_fd;
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wake_fd, &ev);
	pthread_t thread;
	if (group && pthread_create(&thread, NULL, flusher, NULL)) {
		die("thread");
	}
	for (;;) {
		struct epoll_event got[64];
		int n = epoll_wait(epoll_fd, got, 64, -1);
		for (int i = 0; i < n; i++) {
			int fd = got[i].data.fd;
			if (fd == listen_fd) {
				accept_one(fd);
			} else if (fd == wake_fd) {
				release_acks();
			} else if (conns[fd] && (got[i].events & EPOLLOUT)) {
				writable(conns[fd]);
			} else if (conns[fd]) {
				readable(conns[fd]);
			}
		}
	}
}
