/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ctrl-C for commands that want to end in order: what was printed is written, what was read is
 * delivered. They get a second; then, or at a second Ctrl-C, the program dies of the signal.
 */
#pragma once

#include <stdbool.h>

/* From here on SIGINT only sets a flag. Blocking system calls return EINTR. */
void interrupt_catch(void);
bool interrupted(void);
/* Dies of the SIGINT that was caught, so that the caller sees 130; returns when there was none. */
void interrupt_resend(void);
