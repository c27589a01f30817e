/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of weir shell: when one goes on, where one ends, what must not be remembered. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether text needs another line: a quote is open, the line ends with a backslash, or a here
 * document ("<<WORD") has not come to its end.
 */
bool shell_line_goes_on(const char *text);

/*
 * Length of the first command of text: up to a ';' or a line end that stands outside quotes and
 * here documents. *next: where the one after it begins.
 */
size_t shell_line_command(const char *text, size_t *next);

/* Whether it holds something that looks like a secret, which history must not keep. */
bool shell_line_secret(const char *text);
