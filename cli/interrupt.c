/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

enum { GRACE_S = 1 };

static volatile sig_atomic_t caught;

static void die(void)
{
	sigset_t set;
	signal(SIGINT, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(SIGINT);
}

/* SA_RESETHAND: the second SIGINT ends the program at once. */
static void on_interrupt(int signo)
{
	(void)signo;
	caught = 1;
	alarm(GRACE_S);
}

static void on_alarm(int signo)
{
	(void)signo;
	die();
}

void interrupt_catch(void)
{
	struct sigaction old, action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
	sigemptyset(&action.sa_mask);
	/* A job started in the background by a shell has it ignored: that stays. */
	if (sigaction(SIGINT, NULL, &old) != 0 || old.sa_handler == SIG_IGN) {
		return;
	}
	sigaction(SIGINT, &action, NULL);
	action.sa_handler = on_alarm;
	sigaction(SIGALRM, &action, NULL);
}

bool interrupted(void)
{
	return caught != 0;
}

void interrupt_resend(void)
{
	if (caught) {
		die();
	}
}
