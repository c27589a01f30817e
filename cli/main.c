/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program: the only place that exits. SIGPIPE is ignored, so that a broken connection is an
 * error; when standard output's reader went away the program still dies of it, silently.
 */
#include "cli/dispatch.h"
#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
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

int main(int argc, char **argv)
{
	hold_standard_files();
	signal(SIGPIPE, SIG_IGN);
	struct ctx ctx;
	ctx_init(&ctx);
	int status = dispatch(&ctx, argc, argv);
	bool reader_gone = ctx.out.sys_errno == EPIPE;
	ctx_fini(&ctx);
	if (reader_gone) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	interrupt_resend();
	return status;
}
