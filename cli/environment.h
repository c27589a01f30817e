/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The environment variables that commands read, for help and manual pages. */
#pragma once

#include <stdbool.h>

struct env_var {
	const char *name;
	bool client;	  /* read only by commands that talk to a broker */
	const char *text; /* sentences */
};

/* In the order of their names; name NULL at the end. */
extern const struct env_var env_vars[];
