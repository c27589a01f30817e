/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * weir broker: the engine with listeners. Signals are taken by one thread that waits for them; the
 * main thread waits for the engine to stop. With "-- CMD" the command runs beside it, and its end
 * is the broker's.
 */
#include "cli/command.h"
#include "cli/engine.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/client/client.h"
#include "core/conf/listener.h"
#include "core/io/fs.h"
#include "core/wire/messages.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct broker_args {
	const char *data;
	struct opt_list listen, advertise, topics;
	bool ephemeral;
	int32_t ready_fd;
	int log_form;
};

static const char *const log_forms[] = {"text", "json", NULL};

static const struct opt opts[] = {
	OPT_STR(struct broker_args, data, .name = "data", .arg = "DIR",
		.help = "Data directory. Default: log.dirs of the configuration, else "
			"$XDG_DATA_HOME/weir (/var/lib/weir for root)."),
	OPT_LIST(struct broker_args, listen, .name = "listen", .letter = 'l', .arg = "HOST:PORT",
		.help = "Address to listen on; may repeat. Port 0 takes a free one. Default: "
			"listeners of the configuration, else 127.0.0.1:9092."),
	OPT_LIST(struct broker_args, advertise, .name = "advertise", .arg = "HOST:PORT",
		.help = "Address told to clients, for each --listen in turn."),
	OPT_LIST(struct broker_args, topics, .name = "topic", .arg = "NAME[:PARTITIONS]",
		.help = "Creates the topic unless it exists; may repeat."),
	OPT_BOOL(struct broker_args, ephemeral, .name = "ephemeral",
		.help = "Works in a directory of its own that is removed at the end, on a free "
			"port."),
	OPT_I32(struct broker_args, ready_fd, .name = "ready-fd", .arg = "N", .unset = -1, .min = 0,
		.max = 1 << 20,
		.help = "Writes the address to this descriptor when ready, and closes it."),
	OPT_CHOICE(struct broker_args, log_form, .name = "log", .arg = "FORM", .choices = log_forms,
		.def = "text", .help = "Form of the log lines on stderr."),
	OPT_END};

static const struct example examples[] = {
	{"weir broker", "Serves on 127.0.0.1:9092 until interrupted."},
	{"weir broker --data /tmp/d -l 127.0.0.1:0 --topic orders:3",
		"Another directory, a free port, and a topic to begin with."},
	{"weir broker --ephemeral --topic t -- sh -c 'echo hi | weir produce t; weir cat t'",
		"Runs a command against a broker of its own, with WEIR_BROKERS set."},
	{NULL, NULL},
};

static enum weir_code broker_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_broker = {
	.path = "broker",
	.summary = "Serves topics over the Kafka protocol.",
	.details =
		"Prints one line when ready: \"listening HOST:PORT cluster ID\". SIGTERM and "
		"SIGINT "
		"stop it cleanly. -F takes a Kafka server.properties, -X single settings of one.",
	.rest = "CMD [ARG...]",
	.opts = opts,
	.args_size = sizeof(struct broker_args),
	.schema = "{\"type\":\"string\",\"description\":\"the ready line\"}",
	.examples = examples,
	.run = broker_run,
};

struct service {
	const struct broker_args *args;
	struct ctx *ctx;
	struct conf *conf;
	char *dir;
	char *temporary; /* directory to remove at the end; NULL: none */
	struct broker *broker;
	char address[NET_HOST_MAX + 16]; /* of the first listener */
	pthread_t signals;
	bool signals_started;
	sigset_t waited;
	_Atomic pid_t child; /* of "-- CMD"; 0: none, or it has ended */
	int child_status;
};

static char *default_dir(void)
{
	const char *base = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	if (base && *base) {
		return mem_printf("%s/weir", base);
	}
	if (geteuid() == 0 || !home) {
		return mem_dup_str("/var/lib/weir");
	}
	return mem_printf("%s/.local/share/weir", home);
}

static enum weir_code choose_dir(struct service *s, struct weir_err *err)
{
	const struct conf_list *dirs = conf_data_dirs(s->conf);
	if (s->args->ephemeral) {
		const char *base = getenv("TMPDIR");
		s->temporary = mem_printf("%s/weir-XXXXXX", base && *base ? base : "/tmp");
		if (!mkdtemp(s->temporary)) {
			enum weir_code code = err_sys(err, errno, "make %s", s->temporary);
			MEM_FREE(&s->temporary);
			return code;
		}
		s->dir = mem_dup_str(s->temporary);
		/* What is removed at the end need not outlive a power cut, unless one asks for it.
		 */
		const struct conf_row *row = conf_row_find(CONF_BROKER, "flush.mode");
		if (conf_source(s->conf, row) == CONF_FROM_DEFAULT) {
			return conf_set(s->conf, "flush.mode", "os", CONF_FROM_STATIC, err);
		}
	} else if (s->args->data || ctx_dir(s->ctx)) {
		s->dir = mem_dup_str(s->args->data ? s->args->data : ctx_dir(s->ctx));
	} else if (dirs->count > 1) {
		return err_set(err, WEIR_INVALID_CONFIG,
			"log.dirs names %zu directories, weir takes one", dirs->count);
	} else {
		s->dir = dirs->count ? mem_dup_str(dirs->items[0]) : default_dir();
	}
	return WEIR_OK;
}

static enum weir_code listen_one(struct service *s, const struct net_addr *addr,
	const struct net_addr *advertised, struct weir_err *err)
{
	struct net_addr bound;
	enum weir_code code = broker_listen(s->broker, addr, advertised, &bound, err);
	if (code == WEIR_OK && !s->address[0]) {
		net_addr_format(&bound, s->address);
	}
	return code;
}

static enum weir_code listen_by_options(struct service *s, struct weir_err *err)
{
	const struct opt_list *listen = &s->args->listen, *advertise = &s->args->advertise;
	size_t count = listen->count ? listen->count : 1;
	const char *fallback = s->args->ephemeral ? "127.0.0.1:0" : "127.0.0.1:9092";
	if (advertise->count > count) {
		return err_set(err, WEIR_USAGE, "%zu times --advertise for %zu listeners",
			advertise->count, count);
	}
	for (size_t i = 0; i < count; i++) {
		struct net_addr addr, told;
		const char *text = listen->count ? listen->items[i] : fallback;
		enum weir_code code = net_addr_parse(text, 9092, &addr, err);
		bool tells = i < advertise->count;
		if (code == WEIR_OK && tells) {
			code = net_addr_parse(advertise->items[i], 0, &told, err);
		}
		if (code == WEIR_OK) {
			code = listen_one(s, &addr, tells ? &told : NULL, err);
		}
		if (code != WEIR_OK) {
			return code;
		}
	}
	return WEIR_OK;
}

/* What a wildcard listener tells its clients when nothing else was said: this machine's name. */
static void fill_advertised(const struct conf_listener *l, struct net_addr *told)
{
	told->port = l->advertised_port;
	if (l->advertised_host[0]) {
		snprintf(told->host, sizeof(told->host), "%s", l->advertised_host);
	} else if (l->host[0]) {
		snprintf(told->host, sizeof(told->host), "%s", l->host);
	} else if (gethostname(told->host, sizeof(told->host) - 1) != 0) {
		snprintf(told->host, sizeof(told->host), "localhost");
	}
}

static enum weir_code listen_by_conf(struct service *s, struct weir_err *err)
{
	struct conf_listeners listeners;
	enum weir_code code = conf_listeners_init(&listeners, s->conf, err);
	for (size_t i = 0; code == WEIR_OK && i < listeners.count; i++) {
		const struct conf_listener *l = &listeners.all[i];
		struct net_addr addr = {.port = l->port}, told = {.port = 0};
		snprintf(addr.host, sizeof(addr.host), "%s", l->host[0] ? l->host : "0.0.0.0");
		fill_advertised(l, &told);
		code = listen_one(s, &addr, &told, err);
	}
	conf_listeners_fini(&listeners);
	return code;
}

static enum weir_code listen_all(struct service *s, struct weir_err *err)
{
	const struct conf_row *row = conf_row_find(CONF_BROKER, "listeners");
	bool by_conf = !s->args->listen.count && !s->args->ephemeral &&
		       conf_source(s->conf, row) != CONF_FROM_DEFAULT;
	enum weir_code code = by_conf ? listen_by_conf(s, err) : listen_by_options(s, err);
	if (code != WEIR_OK) {
		return code;
	}
	/* Commands with --dir find a running broker through its socket. */
	struct net_addr local = {.port = -1}, bound;
	int len = snprintf(local.host, sizeof(local.host), "%s/weir.sock", s->dir);
	if (len < 0 || len > 100) {
		ctx_warn(s->ctx, "%s is too long a path for a socket in it", s->dir);
		return WEIR_OK;
	}
	unlink(local.host); /* of a broker that was killed: the lock is ours */
	return broker_listen(s->broker, &local, NULL, &bound, err);
}

static enum weir_code create_topic(struct client *client, const char *text, struct weir_err *err)
{
	const char *colon = strrchr(text, ':');
	int64_t partitions = -1;
	if (colon && number_i64(colon + 1, 1, INT32_MAX, &partitions, err) != WEIR_OK) {
		return err_wrap(err, "--topic %s", text);
	}
	struct create_topics_request request;
	struct create_topics_response response;
	struct create_topics_request_creatable_topic topic;
	struct arena arena;
	wire_defaults(&create_topics_request_message, &request);
	wire_part_defaults(&create_topics_request_creatable_topic_part, &topic);
	topic.name = slice_of(text, colon ? (size_t)(colon - text) : strlen(text));
	topic.num_partitions = (int32_t)partitions;
	topic.replication_factor = -1;
	request.topics = &topic;
	request.topics_count = 1;
	arena_init(&arena, 0);
	enum weir_code code =
		client_call(client, CLIENT_CONTROLLER, 19, &request, &arena, &response, NULL, err);
	if (code == WEIR_OK && response.topics_count == 1) {
		code = (enum weir_code)response.topics[0].error_code;
		if (code == WEIR_TOPIC_ALREADY_EXISTS) {
			code = WEIR_OK;
		} else if (code != WEIR_OK) {
			code = err_set(err, code, "--topic %s: %.*s", text,
				(int)response.topics[0].error_message.len,
				(const char *)response.topics[0].error_message.data);
		}
	}
	arena_fini(&arena);
	return code;
}

static enum weir_code create_topics(struct service *s, struct weir_err *err)
{
	struct client *client = NULL;
	if (!s->args->topics.count) {
		return WEIR_OK;
	}
	enum weir_code code = engine_client(s->broker, &client_conf_default, &client, err);
	for (size_t i = 0; code == WEIR_OK && i < s->args->topics.count; i++) {
		code = create_topic(client, s->args->topics.items[i], err);
	}
	client_close(&client);
	return code;
}

/* SIGTERM and SIGINT stop the broker (and go to the command beside it); its end stops it too. */
static void *wait_for_signals(void *arg)
{
	struct service *s = arg;
	for (;;) {
		int sig;
		if (sigwait(&s->waited, &sig) != 0) {
			continue;
		}
		pid_t child = atomic_load(&s->child);
		if (sig == SIGCHLD) {
			int status;
			if (child > 0 && waitpid(child, &status, WNOHANG) == child) {
				s->child_status = status;
				atomic_store(&s->child, 0);
				broker_stop(s->broker);
			}
		} else if (sig == SIGUSR2) {
			return NULL; /* the end of the service */
		} else if (child > 0) {
			kill(child, sig);
		} else if (sig != SIGHUP) {
			broker_stop(s->broker);
		}
	}
}

static enum weir_code start_signals(struct service *s, struct weir_err *err)
{
	int failed = pthread_create(&s->signals, NULL, wait_for_signals, s);
	s->signals_started = !failed;
	return failed ? err_sys(err, failed, "start a thread") : WEIR_OK;
}

static void block_signals(struct service *s)
{
	static const int waited[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR2};
	sigemptyset(&s->waited);
	for (size_t i = 0; i < sizeof(waited) / sizeof(waited[0]); i++) {
		sigaddset(&s->waited, waited[i]);
	}
	pthread_sigmask(SIG_BLOCK, &s->waited, NULL);
}

static enum weir_code start_command(struct service *s, struct weir_err *err)
{
	if (!s->ctx->rest_count) {
		return WEIR_OK;
	}
	setenv("WEIR_BROKERS", s->address, 1);
	setenv("WEIR_CONTEXT", "-", 1); /* nor is it to be mixed with settings for another one */
	unsetenv("WEIR_DIR");
	char **argv = mem_array(s->ctx->rest_count + 1, sizeof(*argv));
	for (size_t i = 0; i < s->ctx->rest_count; i++) {
		argv[i] = s->ctx->rest[i];
	}
	posix_spawnattr_t attr;
	sigset_t none, defaults;
	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGXFSZ);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	pid_t pid;
	int failed = posix_spawnp(&pid, argv[0], NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	enum weir_code code = WEIR_OK;
	if (failed) {
		s->ctx->exit_status = failed == ENOENT ? 127 : 126;
		code = err_sys(err, failed, "run %s", argv[0]);
	} else {
		atomic_store(&s->child, pid);
		kill(getpid(), SIGCHLD); /* it may have ended before it was known */
	}
	mem_free(argv);
	return code;
}

static enum weir_code say_ready(struct service *s, struct weir_err *err)
{
	if (s->args->ready_fd >= 0) {
		char line[sizeof(s->address) + 1];
		int len = snprintf(line, sizeof(line), "%s\n", s->address);
		if (write(s->args->ready_fd, line, (size_t)len) != len) {
			return err_sys(err, errno, "--ready-fd %d", s->args->ready_fd);
		}
		close(s->args->ready_fd);
	}
	if (s->ctx->rest_count) {
		return WEIR_OK; /* standard output is the command's */
	}
	out_printf(&s->ctx->out, "listening %s cluster %s\n", s->address,
		broker_cluster_id(s->broker));
	return out_flush(&s->ctx->out, err);
}

static void set_child_status(struct service *s)
{
	if (WIFEXITED(s->child_status)) {
		s->ctx->exit_status = WEXITSTATUS(s->child_status);
	} else if (WIFSIGNALED(s->child_status)) {
		s->ctx->exit_status = 128 + WTERMSIG(s->child_status);
	}
}

static enum weir_code listen_metrics(struct service *s, struct weir_err *err)
{
	struct net_addr addr, bound;
	const char *where = s->conf->metrics_listener;
	if (!where || !where[0]) {
		return WEIR_OK;
	}
	const char *host = where[0] == ':' ? "127.0.0.1" : "";
	char *text = mem_printf("%s%s", host, where);
	enum weir_code code = net_addr_parse(text, -1, &addr, err);
	mem_free(text);
	if (code == WEIR_OK && addr.port < 0) {
		code = err_set(err, WEIR_INVALID_CONFIG, "%s is no host:port", where);
	}
	code = code ? code : broker_serve_metrics(s->broker, &addr, &bound, err);
	if (code != WEIR_OK) {
		return err_wrap(err, "metrics.listener");
	}
	char told[NET_HOST_MAX + 16];
	net_addr_format(&bound, told);
	log_line(LOG_INFO, "metrics at http://%s/metrics", told);
	return WEIR_OK;
}

static enum weir_code serve(struct service *s, struct weir_err *err)
{
	enum weir_code code = listen_all(s, err);
	if (code == WEIR_OK) {
		code = listen_metrics(s, err);
	}
	if (code == WEIR_OK) {
		code = create_topics(s, err);
	}
	if (code == WEIR_OK) {
		code = start_signals(s, err);
	}
	if (code == WEIR_OK) {
		code = say_ready(s, err);
	}
	if (code == WEIR_OK) {
		code = start_command(s, err);
	}
	if (code == WEIR_OK) {
		code = broker_wait(s->broker, err);
		set_child_status(s);
	}
	return code;
}

static enum weir_code stop_service(struct service *s, enum weir_code code, struct weir_err *err)
{
	struct weir_err later;
	if (s->signals_started) {
		pthread_kill(s->signals, SIGUSR2);
		pthread_join(s->signals, NULL);
	}
	if (s->broker && broker_close(&s->broker, &later) != WEIR_OK && code == WEIR_OK) {
		*err = later;
		code = later.code;
	}
	if (s->temporary && fs_remove_tree(s->temporary, &later) != WEIR_OK && code == WEIR_OK) {
		*err = later;
		code = later.code;
	}
	conf_unref(s->conf);
	mem_free(s->dir);
	mem_free(s->temporary);
	return code;
}

/* As many open files as the administrator allows; a command beside it keeps what it is used to. */
static void raise_file_limit(const struct ctx *ctx)
{
	struct rlimit limit;
	if (!ctx->rest_count && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static enum weir_code broker_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	struct service s = {.args = args, .ctx = ctx};
	if (s.args->ephemeral && s.args->data) {
		return err_set(err, WEIR_USAGE, "--ephemeral and --data exclude each other");
	}
	engine_log_to_stderr(ctx->globals.verbose ? LOG_INFO : LOG_WARN, s.args->log_form == 1);
	raise_file_limit(ctx);
	enum weir_code code = engine_conf(ctx, &s.conf, err);
	if (code == WEIR_OK) {
		code = choose_dir(&s, err);
	}
	block_signals(&s);
	if (code == WEIR_OK) {
		code = engine_open(ctx, s.dir, s.conf, &s.broker, err);
	}
	if (code == WEIR_OK) {
		code = serve(&s, err);
	}
	return stop_service(&s, code, err);
}
