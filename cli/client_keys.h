/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client properties that some command honours, declared once in cli/client_keys.def. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct client_key {
	const char *name;
	const char *def; /* what is so when nobody sets it */
	bool secret;	 /* the value is never shown */
	const char *doc; /* sentence */
};

/* In the order of their names; name NULL at the end. */
extern const struct client_key client_keys[];
/* NULL when no command honours it. */
const struct client_key *client_key_find(const char *name);
/* Whether a value of that name must not be shown; also of names that no command honours. */
bool client_key_is_secret(const char *name);
