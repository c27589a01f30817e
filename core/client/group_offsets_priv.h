/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of group_offsets.c that a member uses without waiting. */
#pragma once

#include "core/client/group_offsets.h"
#include "core/wire/messages.h"

enum { OFFSETS_VERSION_NAMES = 9 }; /* the last of OffsetCommit and OffsetFetch with topic names */

/* Fills request (arrays in arena) for items, of which those of one topic stand together. *cap: the
 * highest version that can carry them. NULL memory: false. */
bool group_offsets_commit_build(struct offset_commit_request *request, const char *group,
	const struct group_identity *who, const struct group_offset *items, size_t count,
	int16_t *cap, struct arena *arena);
/* Sets error of each item; one that the answer does not name gets UNKNOWN_SERVER_ERROR. */
void group_offsets_commit_take(const struct offset_commit_response *response, int16_t version,
	struct group_offset *items, size_t count);
