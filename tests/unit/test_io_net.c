/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test.h"

#include "core/io/net.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void addresses_in_text(void **state)
{
	(void)state;
	static const struct {
		const char *text, *host, *back;
		int32_t port;
	} good[] = {
		{"localhost", "localhost", "localhost:9092", 9092},
		{"broker.example.com:1", "broker.example.com", "broker.example.com:1", 1},
		{":9093", "", ":9093", 9093},
		{"10.0.0.1:0", "10.0.0.1", "10.0.0.1:0", 0},
		{"[::1]:65535", "::1", "[::1]:65535", 65535},
		{"[::1]", "::1", "[::1]:9092", 9092},
		{"fe80::1", "fe80::1", "[fe80::1]:9092", 9092},
		{"unix:/run/weir.sock", "/run/weir.sock", "unix:/run/weir.sock", -1},
	};
	static const char *const bad[] = {"", "a:b", "host:", "host:65536", "host:-1", "host: 1",
		"[::1", "[::1]x", "[host]:1", "a:b:c", "two words", "a,b", "unix:", "http://x:1",
		"host:9092/x"};
	struct weir_err err;
	struct net_addr addr;
	char text[NET_HOST_MAX + 16];
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_ok(net_addr_parse(good[i].text, 9092, &addr, &err));
		assert_string_equal(addr.host, good[i].host);
		assert_int_equal(addr.port, good[i].port);
		net_addr_format(&addr, text);
		assert_string_equal(text, good[i].back);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_code(net_addr_parse(bad[i], 9092, &addr, &err), WEIR_USAGE);
		assert_non_null(strstr(err.text, "address \""));
		assert_code(net_addr_parse(bad[i], 9092, &addr, NULL), WEIR_USAGE);
	}
	char long_name[400];
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_code(net_addr_parse(long_name, 9092, &addr, &err), WEIR_USAGE);
}

static void exchange(int client, int server)
{
	char got[4] = "";
	assert_int_equal(write(client, "abc", 3), 3);
	assert_int_equal(read(server, got, 3), 3);
	assert_string_equal(got, "abc");
	assert_true(fcntl(server, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(server, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(client, F_GETFL) & O_NONBLOCK);
	close(client);
	close(server);
}

static void tcp(void **state)
{
	(void)state;
	struct weir_err err;
	struct net_addr any = {.port = 0}, addr, bound, peer;
	int listener, other, client, server;
	assert_ok(net_listen(&any, &listener, &bound, &err));
	assert_true(bound.port > 0);
	assert_string_equal(bound.host, "");
	assert_ok(net_accept(listener, &server, &peer, &err));
	assert_int_equal(server, -1);
	addr = (struct net_addr){.host = "127.0.0.1", .port = bound.port};
	assert_ok(net_connect(&addr, 1000, &client, &err));
	assert_ok(net_accept(listener, &server, &peer, &err));
	assert_string_equal(peer.host, "127.0.0.1");
	assert_true(peer.port > 0);
	exchange(client, server);
	assert_code(net_listen(&bound, &other, &peer, &err), WEIR_EXISTS);
	close(listener);
	assert_code(net_connect(&addr, 1000, &client, &err), WEIR_CONNECT);
	assert_non_null(strstr(err.text, "127.0.0.1"));
	assert_code(net_connect(&any, 1000, &client, &err), WEIR_USAGE);
	addr = (struct net_addr){.host = "no-such-host.invalid", .port = 1};
	assert_code(net_listen(&addr, &other, &bound, &err), WEIR_USAGE);
	assert_code(net_connect(&addr, 1000, &client, &err), WEIR_CONNECT);
}

static void connect_times_out(void **state)
{
	(void)state;
	struct weir_err err;
	struct net_addr addr = {.host = "127.0.0.1"}, bound;
	int listener, clients[8], count = 0;
	enum weir_code code = WEIR_OK;
	assert_ok(net_listen(&addr, &listener, &bound, &err));
	assert_int_equal(listen(listener, 0), 0); /* a queue of one that nobody empties */
	while (!code && count < 8) {
		code = net_connect(&bound, 50, &clients[count], &err);
		count += !code;
	}
	assert_int_equal(code, WEIR_TIMEOUT);
	while (count) {
		close(clients[--count]);
	}
	close(listener);
}

static void unix_sockets(void **state)
{
	(void)state;
	struct weir_err err;
	char dir[] = "/tmp/weir-net-XXXXXX";
	struct net_addr addr = {.port = -1}, bound, peer;
	struct stat st;
	int listener, other, client, server;
	assert_non_null(mkdtemp(dir));
	snprintf(addr.host, sizeof(addr.host), "%s/s", dir);
	assert_code(net_connect(&addr, 1000, &client, &err), WEIR_CONNECT);
	assert_ok(net_listen(&addr, &listener, &bound, &err));
	assert_string_equal(bound.host, addr.host);
	assert_int_equal(stat(addr.host, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	assert_code(net_listen(&addr, &other, &bound, &err), WEIR_EXISTS);
	assert_ok(net_accept(listener, &server, &peer, &err)); /* who looked whether we live */
	assert_true(server >= 0);
	close(server);
	assert_ok(net_connect(&addr, 1000, &client, &err));
	assert_ok(net_accept(listener, &server, &peer, &err));
	assert_int_equal(peer.port, -1);
	exchange(client, server);
	close(listener);
	assert_ok(net_listen(&addr, &listener, &bound, &err)); /* the file of a dead one */
	close(listener);
	unlink(addr.host);
	memset(addr.host, 'x', 200);
	addr.host[200] = '\0';
	assert_code(net_listen(&addr, &listener, &bound, &err), WEIR_USAGE);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_in_text),
		cmocka_unit_test(tcp),
		cmocka_unit_test(connect_times_out),
		cmocka_unit_test(unix_sockets),
	};
	return RUN(tests);
}
