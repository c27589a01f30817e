/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tab key of weir shell. */
#pragma once

#include <stddef.h>

/* From now on readline completes commands; options: words that hold for all of them ("--brokers",
 * "k1:9092"), borrowed until the end. */
void shell_complete_start(char *const *options, size_t count);
