/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The listeners and advertised addresses that a struct conf asks for, taken apart. */
#pragma once

#include "core/conf/conf.h"

struct conf_listener {
	char *name; /* upper case as written: "PLAINTEXT" */
	char *host; /* "" for every address */
	int32_t port;
	char *advertised_host;	 /* "" where none was given and host is "" */
	int32_t advertised_port; /* 0: the one that is bound */
};

/* In the order of "listeners"; those of controllers are left out. */
struct conf_listeners {
	struct conf_listener *all;
	size_t count;
};

/* Errors: INVALID_CONFIG. */
WEIR_MUST_USE enum weir_code conf_listeners_init(
	struct conf_listeners *listeners, const struct conf *conf, struct weir_err *err);
void conf_listeners_fini(struct conf_listeners *listeners);
