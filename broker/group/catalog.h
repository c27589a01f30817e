/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the group coordinator knows of topics: a view of the metadata image, or a test's own. */
#pragma once

#include "core/base/uuid.h"

struct group_topic {
	struct slice name;
	struct uuid id;
	int32_t partition_count;
};

/* Immutable while it is borrowed. */
struct group_catalog {
	int64_t revision; /* rises with every change */
	/* false: no such topic. What is filled in is borrowed from the catalog. */
	bool (*by_name)(
		const struct group_catalog *catalog, struct slice name, struct group_topic *topic);
	bool (*by_id)(
		const struct group_catalog *catalog, struct uuid id, struct group_topic *topic);
	/* A setting of the group itself (KIP-848, group configurations); false: none. */
	bool (*setting)(const struct group_catalog *catalog, struct slice group_id, const char *key,
		int32_t *value);
	/* The i-th by name; false past the end. */
	bool (*at)(const struct group_catalog *catalog, size_t i, struct group_topic *topic);
};
