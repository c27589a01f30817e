/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The API versions a broker offers, and the choice of the highest one that both sides know. */
#pragma once

#include "core/base/err.h"
#include "core/wire/wire.h"

enum { VERSIONS_KEYS = 128, VERSION_ANY = INT16_MAX };

/* Ranges by API key, as the broker told them; max < min where it offers none. */
struct versions {
	int16_t min[VERSIONS_KEYS], max[VERSIONS_KEYS];
};

/* Nothing is offered but ApiVersions 0, which every broker answers. */
void versions_init(struct versions *versions);

/*
 * Takes a whole ApiVersions answer (what follows the response header), sent for version. A broker
 * that does not know version answers in version 0's form with UNSUPPORTED_VERSION: then *again is
 * the version to ask next, else -1. Errors: PROTOCOL; the broker's own code.
 */
WEIR_MUST_USE enum weir_code versions_take(struct versions *versions, int16_t version,
	struct slice body, int16_t *again, struct weir_err *err);

/*
 * Highest version of key that weir, the broker and the caller (at most cap; VERSION_ANY) know.
 * Errors: UNSUPPORTED_VERSION, with both ranges in the text.
 */
WEIR_MUST_USE enum weir_code versions_choose(const struct versions *versions, int16_t key,
	int16_t cap, int16_t *version, struct weir_err *err);

bool versions_has(const struct versions *versions, int16_t key, int16_t version);
