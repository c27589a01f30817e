/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program: the only place that exits. SIGPIPE and SIGXFSZ are ignored, so that a broken
 * connection and a file at the limit of its size are errors; when standard output's reader went
 * away the program still dies of it, silently.
 */
#include "cli/dispatch.h"
#include "cli/interrupt.h"
#include "core/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file opened later must not become standard output because the caller closed it. */
static void hold_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDONLY) != fd) {
			_exit(10);
		}
	}
}

/* A link by that name takes kcat's command line. */
static bool called_kcat(const char *name)
{
	const char *last = strrchr(name, '/');
	last = last ? last + 1 : name;
	return !strcmp(last, "kcat") || !strcmp(last, "kafkacat");
}

int main(int argc, char **argv)
{
	hold_standard_files();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	struct ctx ctx;
	ctx_init(&ctx);
	char **words = mem_array((size_t)argc + 2, sizeof(*words));
	bool kcat = called_kcat(argc ? argv[0] : "");
	static char kcat_word[] = "kcat";
	for (int i = 0; i < argc; i++) {
		words[i + (kcat && i > 0)] = argv[i];
	}
	if (kcat) {
		words[1] = kcat_word;
	}
	int status = dispatch(&ctx, argc + kcat, words);
	mem_free(words);
	bool reader_gone = ctx.out.sys_errno == EPIPE;
	ctx_fini(&ctx);
	if (reader_gone) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	interrupt_resend();
	return status;
}
