/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cutter PORT SEED BYTES: hands connections on to 127.0.0.1:PORT, and cuts each after about BYTES.
 *
 * Half of the cuts come in the middle of what is being sent; the others let requests through and
 * lose the answer, so that the sender cannot know what was done. Prints its own port; ends with its
 * standard input. One thread, no memory but what stands here.
 */
#include "core/base/random.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS_MAX = 64, CHUNK_BYTES = 16384 };

struct pair {
	int client, broker; /* -1: free */
	int64_t left;	    /* bytes until the cut */
	bool loses_answer;  /* which way it is cut */
};

static struct pair pairs[PAIRS_MAX];
static uint16_t broker_port;
static uint64_t mean_bytes;
static size_t cuts;

static struct sockaddr_in loopback(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static void end_pair(struct pair *pair)
{
	/* Half of them by a reset, which throws away what is on its way. */
	struct linger linger = {.l_onoff = random_below(2) == 0};
	setsockopt(pair->client, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(pair->client);
	close(pair->broker);
	pair->client = pair->broker = -1;
}

static void take_connection(int listener)
{
	int client = accept(listener, NULL, NULL);
	struct sockaddr_in address = loopback(broker_port);
	for (size_t i = 0; i < PAIRS_MAX && client >= 0; i++) {
		struct pair *pair = &pairs[i];
		if (pair->client >= 0) {
			continue;
		}
		int broker = socket(AF_INET, SOCK_STREAM, 0);
		if (broker < 0 || connect(broker, (struct sockaddr *)&address, sizeof(address))) {
			close(broker);
			break;
		}
		int on = 1;
		setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(broker, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		*pair = (struct pair){
			.client = client,
			.broker = broker,
			.left = (int64_t)(mean_bytes / 2 + random_below(mean_bytes)),
			.loses_answer = random_below(2) == 0,
		};
		return;
	}
	if (client >= 0) {
		close(client);
	}
}

static bool write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n <= 0) {
			return false;
		}
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* Moves one chunk; false: the pair is over. */
static bool relay(struct pair *pair, bool answer)
{
	uint8_t chunk[CHUNK_BYTES];
	ssize_t n = read(answer ? pair->broker : pair->client, chunk, sizeof(chunk));
	if (n <= 0) {
		return false;
	}
	size_t len = (size_t)n;
	bool cut = pair->left < n;
	cuts += cut && (answer || !pair->loses_answer);
	if (cut && pair->loses_answer && answer) {
		return false;
	}
	if (cut && !pair->loses_answer) {
		len = (size_t)pair->left;
	}
	pair->left = cut ? 0 : pair->left - n;
	bool sent = write_all(answer ? pair->client : pair->broker, chunk, len);
	return sent && !(cut && !pair->loses_answer);
}

static void serve(int listener)
{
	for (;;) {
		struct pollfd polls[2 * PAIRS_MAX + 2];
		polls[0] = (struct pollfd){.fd = listener, .events = POLLIN};
		polls[1] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
		for (size_t i = 0; i < PAIRS_MAX; i++) {
			polls[2 + 2 * i] = (struct pollfd){.fd = pairs[i].client, .events = POLLIN};
			polls[3 + 2 * i] = (struct pollfd){.fd = pairs[i].broker, .events = POLLIN};
		}
		if (poll(polls, 2 * PAIRS_MAX + 2, -1) < 0 || polls[1].revents) {
			return;
		}
		for (size_t i = 0; i < PAIRS_MAX; i++) {
			bool goes_on = pairs[i].client >= 0;
			if (goes_on && polls[2 + 2 * i].revents) {
				goes_on = relay(&pairs[i], false);
			}
			if (goes_on && polls[3 + 2 * i].revents) {
				goes_on = relay(&pairs[i], true);
			}
			if (!goes_on && pairs[i].client >= 0) {
				end_pair(&pairs[i]);
			}
		}
		if (polls[0].revents) {
			take_connection(listener);
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = loopback(0);
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	if (argc != 4 || bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
		listen(listener, 64) || getsockname(listener, (struct sockaddr *)&address, &len)) {
		fprintf(stderr, "usage: cutter PORT SEED BYTES\n");
		return 2;
	}
	broker_port = (uint16_t)strtoul(argv[1], NULL, 10);
	random_seed(strtoull(argv[2], NULL, 10));
	mean_bytes = strtoull(argv[3], NULL, 10);
	mean_bytes = mean_bytes ? mean_bytes : 1;
	for (size_t i = 0; i < PAIRS_MAX; i++) {
		pairs[i].client = pairs[i].broker = -1;
	}
	printf("%d\n", (int)ntohs(address.sin_port));
	fflush(stdout);
	serve(listener);
	printf("%zu\n", cuts);
	return 0;
}
