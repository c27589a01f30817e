/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/topic_offset.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/number.h"

#include <string.h>

static enum weir_code choose_range(
	char *item, struct topic_spot *spots, int32_t count, struct weir_err *err)
{
	char *dash = strchr(item, '-');
	int64_t first, last;
	if (dash) {
		*dash = '\0';
	}
	enum weir_code code = number_i64(item, 0, INT32_MAX, &first, err);
	if (code == WEIR_OK) {
		code = number_i64(dash ? dash + 1 : item, 0, INT32_MAX, &last, err);
	}
	if (code != WEIR_OK) {
		return err ? err_wrap(err, "--partitions") : code;
	}
	if (last < first) {
		return err_set(err, WEIR_USAGE, "--partitions: %d-%d runs backwards", (int)first,
			(int)last);
	}
	if (last >= count) {
		return err_set(err, WEIR_UNKNOWN_TOPIC_OR_PARTITION,
			"no partition %d, the last one is %d", (int)last, (int)count - 1);
	}
	for (int64_t p = first; p <= last; p++) {
		spots[p].chosen = true;
	}
	return WEIR_OK;
}

enum weir_code topic_choose_spots(
	const char *text, struct topic_spot *spots, int32_t count, struct weir_err *err)
{
	for (int32_t p = 0; p < count; p++) {
		spots[p].chosen = !text;
	}
	char *copy = mem_dup_str(text ? text : "");
	enum weir_code code = WEIR_OK;
	for (char *item = text ? copy : NULL, *next; code == WEIR_OK && item; item = next) {
		next = strchr(item, ',');
		if (next) {
			*next++ = '\0';
		}
		code = choose_range(item, spots, count, err);
	}
	mem_free(copy);
	return code;
}

static enum weir_code parse_place(const char *text, struct topic_place *place, struct weir_err *err)
{
	enum topic_place_kind kind = TOPIC_PLACE_OFFSET;
	if (strcmp(text, "start") == 0) {
		*place = (struct topic_place){TOPIC_PLACE_START, 0};
		return WEIR_OK;
	}
	if (strcmp(text, "end") == 0) {
		*place = (struct topic_place){TOPIC_PLACE_END, 0};
		return WEIR_OK;
	}
	if (text[0] == '@') {
		place->kind = TOPIC_PLACE_TIME;
		return number_time(text + 1, clock_wall_ms(), &place->value, err);
	}
	const char *number = text;
	if (text[0] == '-' || text[0] == '+') {
		kind = text[0] == '-' ? TOPIC_PLACE_BEFORE_END : TOPIC_PLACE_AFTER_START;
		number++;
	}
	place->kind = kind;
	if (number_i64(number, 0, INT64_MAX, &place->value, NULL) != WEIR_OK) {
		return err_set(
			err, WEIR_USAGE, "\"%s\" is none of start, end, N, -N, +N, @TIME", text);
	}
	return WEIR_OK;
}

/* "P=PLACE"; consumes text. */
static enum weir_code parse_listed(char *text, struct topic_places *places, struct weir_err *err)
{
	char *equals = strchr(text, '=');
	int64_t partition;
	struct topic_place_of item;
	if (!equals) {
		return err_set(err, WEIR_USAGE, "\"%s\" is not PARTITION=PLACE", text);
	}
	*equals = '\0';
	enum weir_code code = number_i64(text, 0, INT32_MAX, &partition, err);
	if (code == WEIR_OK) {
		code = parse_place(equals + 1, &item.place, err);
	}
	if (code != WEIR_OK) {
		return code;
	}
	item.partition = (int32_t)partition;
	places->listed = mem_grow(places->listed, places->listed_count + 1, sizeof(item));
	places->listed[places->listed_count++] = item;
	return WEIR_OK;
}

enum weir_code topic_places_parse(
	const char *text, struct topic_places *places, struct weir_err *err)
{
	*places = (struct topic_places){.listed = NULL};
	enum weir_code code = WEIR_OK;
	if (!text) {
		return WEIR_OK;
	}
	if (!strchr(text, '=')) {
		code = parse_place(text, &places->all, err);
	} else {
		char *copy = mem_dup_str(text);
		for (char *item = copy, *next; code == WEIR_OK && item; item = next) {
			next = strchr(item, ',');
			if (next) {
				*next++ = '\0';
			}
			code = parse_listed(item, places, err);
		}
		mem_free(copy);
	}
	return code == WEIR_OK || !err ? code : err_wrap(err, "-o");
}

void topic_places_fini(struct topic_places *places)
{
	MEM_FREE(&places->listed);
	places->listed_count = 0;
}

static struct topic_place place_of(const struct topic_places *places, int32_t partition)
{
	for (size_t i = 0; i < places->listed_count; i++) {
		if (places->listed[i].partition == partition) {
			return places->listed[i].place;
		}
	}
	return places->all;
}

static int64_t resolve(const struct topic_spot *spot, struct topic_place place, int64_t at_time)
{
	switch (place.kind) {
	case TOPIC_PLACE_NONE:
		return -1;
	case TOPIC_PLACE_START:
		return spot->start;
	case TOPIC_PLACE_END:
		return spot->end;
	case TOPIC_PLACE_OFFSET:
		return place.value;
	case TOPIC_PLACE_BEFORE_END:
		return spot->end - spot->start < place.value ? spot->start
							     : spot->end - place.value;
	case TOPIC_PLACE_AFTER_START:
		return spot->end - spot->start < place.value ? spot->end
							     : spot->start + place.value;
	case TOPIC_PLACE_TIME:
		return at_time < 0 ? spot->end : at_time;
	}
	return -1;
}

/* What was asked of one partition: its start, its end, and maybe a time. */
static size_t take(
	const struct client_offset *asked, struct topic_place place, struct topic_spot *spot)
{
	bool timed = place.kind == TOPIC_PLACE_TIME;
	spot->start = asked[0].offset;
	spot->end = asked[1].offset;
	spot->timestamp = timed ? asked[2].timestamp : -1;
	int32_t error = asked[0].error	 ? asked[0].error
			: asked[1].error ? asked[1].error
			: timed		 ? asked[2].error
					 : 0;
	spot->error = error ? err_info(error)->code : WEIR_OK;
	spot->offset = spot->error ? -1 : resolve(spot, place, timed ? asked[2].offset : -1);
	return timed ? 3 : 2;
}

enum weir_code topic_places_find(struct client *client, const struct client_topic *topic,
	const struct topic_places *places, bool committed, struct topic_spot *spots,
	struct weir_err *err)
{
	for (size_t i = 0; i < places->listed_count; i++) {
		if (places->listed[i].partition >= topic->partition_count) {
			return err_set(err, WEIR_UNKNOWN_TOPIC_OR_PARTITION,
				"topic \"%s\" has no partition %d", topic->name,
				(int)places->listed[i].partition);
		}
	}
	struct client_offset *asks =
		mem_array((size_t)topic->partition_count * 3 + 1, sizeof(*asks));
	size_t count = 0;
	for (int32_t p = 0; p < topic->partition_count; p++) {
		struct topic_place place = place_of(places, p);
		if (!spots[p].chosen) {
			continue;
		}
		asks[count++] =
			(struct client_offset){.partition = p, .timestamp = CLIENT_OFFSET_EARLIEST};
		asks[count++] =
			(struct client_offset){.partition = p, .timestamp = CLIENT_OFFSET_LATEST};
		if (place.kind == TOPIC_PLACE_TIME) {
			asks[count++] =
				(struct client_offset){.partition = p, .timestamp = place.value};
		}
	}
	enum weir_code code = WEIR_OK;
	if (count) {
		code = client_offsets(client, topic->name, committed, asks, count, err);
	}
	const struct client_offset *answer = asks;
	for (int32_t p = 0; code == WEIR_OK && p < topic->partition_count; p++) {
		if (spots[p].chosen) {
			answer += take(answer, place_of(places, p), &spots[p]);
		}
	}
	mem_free(asks);
	return code;
}
