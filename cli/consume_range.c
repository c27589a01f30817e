/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/consume_range.h"

#include "core/base/mem.h"
#include "core/base/number.h"

#include <stdlib.h>
#include <string.h>

static bool is_digits(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

/* A time of kcat's s@ and e@: a number is ms there. */
static enum weir_code parse_ms(const char *text, int64_t now_ms, int64_t *ms, struct weir_err *err)
{
	return is_digits(text) ? number_i64(text, 0, INT64_MAX, ms, err)
			       : number_time(text, now_ms, ms, err);
}

static enum weir_code parse_place(
	const char *text, int64_t now_ms, struct place *place, struct weir_err *err)
{
	static const struct {
		const char *name;
		enum place_kind kind;
	} words[] = {{"start", PLACE_START}, {"beginning", PLACE_START}, {"earliest", PLACE_START},
		{"end", PLACE_END}, {"latest", PLACE_END}};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(text, words[i].name) == 0) {
			*place = (struct place){words[i].kind, 0};
			return WEIR_OK;
		}
	}
	if (text[0] == '@') {
		place->kind = PLACE_TIME;
		return number_time(text + 1, now_ms, &place->number, err);
	}
	bool sign = text[0] == '+' || text[0] == '-';
	if (is_digits(text + sign)) {
		place->kind = text[0] == '+'   ? PLACE_AFTER
			      : text[0] == '-' ? PLACE_BEFORE
					       : PLACE_OFFSET;
		return number_i64(text + sign, 0, INT64_MAX, &place->number, err);
	}
	return err_set(err, WEIR_USAGE,
		"\"%s\" is not a place (start, end, N, +N, -N, @TIME, or two with \":\")", text);
}

/* What stands behind the colon. */
static enum weir_code parse_to(const char *text, const struct place *from, int64_t now_ms,
	struct place *to, struct weir_err *err)
{
	int64_t time;
	if (from->kind == PLACE_TIME && text[0] != '@' && strcmp(text, "end") != 0) {
		to->kind = PLACE_TIME;
		if (number_time(text, now_ms, &to->number, NULL) == WEIR_OK) {
			return WEIR_OK;
		}
		enum weir_code code = number_duration(text, &time, NULL);
		to->number = from->number + (code == WEIR_OK ? time : 0);
		return code == WEIR_OK ? code
				       : err_set(err, WEIR_USAGE,
						 "\"%s\" is neither a time nor a duration", text);
	}
	enum weir_code code = parse_place(text, now_ms, to, err);
	if (code == WEIR_OK && to->kind == PLACE_START) {
		return err_set(err, WEIR_USAGE, "nothing lies before the start");
	}
	return code;
}

/* Splits at the first colon that leaves a place before it: times have colons too. */
static enum weir_code parse_range(
	char *text, int64_t now_ms, struct range *range, struct weir_err *err)
{
	if (strncmp(text, "s@", 2) == 0) {
		range->from.kind = PLACE_TIME;
		return parse_ms(text + 2, now_ms, &range->from.number, err);
	}
	if (strncmp(text, "e@", 2) == 0) {
		range->to.kind = PLACE_TIME;
		return parse_ms(text + 2, now_ms, &range->to.number, err);
	}
	if (strcmp(text, "stored") == 0) {
		return err_set(err, WEIR_USAGE,
			"stored offsets belong to a consumer group, and this reads without one");
	}
	if (text[0] == ':') {
		range->from = (struct place){PLACE_START, 0};
		return parse_to(text + 1, &range->from, now_ms, &range->to, err);
	}
	enum weir_code code = parse_place(text, now_ms, &range->from, err);
	for (char *colon = text; code != WEIR_OK && (colon = strchr(colon + 1, ':'));) {
		*colon = '\0';
		if (parse_place(text, now_ms, &range->from, NULL) == WEIR_OK) {
			return colon[1] ? parse_to(colon + 1, &range->from, now_ms, &range->to, err)
					: WEIR_OK;
		}
		*colon = ':';
	}
	return code;
}

static bool ends_before_it_begins(const struct range *range)
{
	const struct place *from = &range->from, *to = &range->to;
	return from->kind == to->kind && from->number > to->number &&
	       (from->kind == PLACE_OFFSET || from->kind == PLACE_TIME);
}

static struct range *range_of(struct ranges *ranges, int32_t partition)
{
	for (size_t i = 0; i < ranges->count; i++) {
		if (ranges->items[i].partition == partition) {
			return &ranges->items[i].range;
		}
	}
	ranges->items = mem_grow(ranges->items, ranges->count + 1, sizeof(*ranges->items));
	struct range_of *item = &ranges->items[ranges->count++];
	*item = (struct range_of){partition, ranges->common};
	return &item->range;
}

static enum weir_code parse_part(
	struct ranges *ranges, char *part, int64_t now_ms, struct weir_err *err)
{
	size_t digits = strspn(part, "0123456789");
	struct range *range = &ranges->common;
	if (digits && part[digits] == '=') {
		int64_t partition;
		part[digits] = '\0';
		if (number_i64(part, 0, INT32_MAX, &partition, err) != WEIR_OK) {
			return err_wrap(err, "partition");
		}
		range = range_of(ranges, (int32_t)partition);
		part += digits + 1;
	}
	enum weir_code code = parse_range(part, now_ms, range, err);
	if (code == WEIR_OK && ends_before_it_begins(range)) {
		return err_set(err, WEIR_USAGE, "the range ends before it begins");
	}
	return code;
}

enum weir_code ranges_parse(
	struct ranges *ranges, const struct opt_list *texts, int64_t now_ms, struct weir_err *err)
{
	*ranges = (struct ranges){.common = {.from = {PLACE_START, 0}}};
	enum weir_code code = WEIR_OK;
	for (size_t i = 0; i < texts->count && code == WEIR_OK; i++) {
		char *copy = mem_dup_str(texts->items[i]);
		for (char *part = copy; part && code == WEIR_OK;) {
			char *comma = strchr(part, ',');
			if (comma) {
				*comma = '\0';
			}
			code = parse_part(ranges, part, now_ms, err);
			part = comma ? comma + 1 : NULL;
		}
		mem_free(copy);
		if (code != WEIR_OK) {
			return err_wrap(err, "--offset");
		}
	}
	return code;
}

void ranges_fini(struct ranges *ranges)
{
	MEM_FREE(&ranges->items);
}

static const struct range *find_range(const struct ranges *ranges, int32_t partition)
{
	for (size_t i = 0; i < ranges->count; i++) {
		if (ranges->items[i].partition == partition) {
			return &ranges->items[i].range;
		}
	}
	return &ranges->common;
}

/* The questions about one partition: up to four. */
enum { ASK_FIRST, ASK_LAST, ASK_FROM, ASK_TO, ASK_COUNT };

static int64_t add(int64_t offset, int64_t number)
{
	return offset > INT64_MAX - number ? INT64_MAX : offset + number;
}

static int64_t clamp(int64_t value, int64_t min, int64_t max)
{
	return value < min ? min : value > max ? max : value;
}

/* found: of ASK_FROM, -1 none. */
static void set_begin(struct span *span, const struct place *from, int64_t found)
{
	span->wanted = 0;
	switch (from->kind) {
	case PLACE_END:
		span->begin = span->last;
		return;
	case PLACE_OFFSET:
		span->wanted = from->number;
		break;
	case PLACE_AFTER:
		span->wanted = add(span->first, from->number);
		break;
	case PLACE_BEFORE:
		span->wanted = from->number > span->last ? 0 : span->last - from->number;
		break;
	case PLACE_TIME:
		span->wanted = found < 0 ? span->last : found;
		break;
	default:
		span->wanted = span->first;
		break;
	}
	span->begin = clamp(span->wanted, span->first, span->last);
}

static void set_end(
	struct span *span, const struct place *to, int64_t found, bool stop, int64_t now_ms)
{
	span->until_ms = -1;
	span->end = stop ? span->last : -1;
	int64_t end = -1;
	switch (to->kind) {
	case PLACE_END:
		end = span->last;
		break;
	case PLACE_OFFSET:
		end = to->number;
		break;
	case PLACE_AFTER:
		end = add(span->wanted, to->number);
		break;
	case PLACE_BEFORE:
		end = to->number > span->last ? 0 : span->last - to->number;
		break;
	case PLACE_TIME:
		end = found;
		if (found < 0 && (to->number <= now_ms || stop)) {
			end = span->last;
		} else if (found < 0) {
			span->until_ms = to->number;
		}
		break;
	default:
		break;
	}
	if (end >= 0 && (span->end < 0 || end < span->end)) {
		span->end = end;
	}
}

static size_t ask(struct client_offset *asks, const struct range *range, int32_t partition)
{
	size_t count = 0;
	asks[count++] = (struct client_offset){partition, CLIENT_OFFSET_EARLIEST, -1, 0};
	asks[count++] = (struct client_offset){partition, CLIENT_OFFSET_LATEST, -1, 0};
	if (range->from.kind == PLACE_TIME) {
		asks[count++] = (struct client_offset){partition, range->from.number, -1, 0};
	}
	if (range->to.kind == PLACE_TIME) {
		asks[count++] = (struct client_offset){partition, range->to.number, -1, 0};
	}
	return count;
}

enum weir_code ranges_resolve(const struct ranges *ranges, struct client *client, const char *topic,
	bool committed, bool stop, int64_t now_ms, struct span *spans, int32_t count,
	struct weir_err *err)
{
	struct client_offset *asks = mem_array((size_t)count * ASK_COUNT, sizeof(*asks));
	size_t ask_count = 0;
	for (int32_t i = 0; i < count; i++) {
		if (spans[i].chosen) {
			ask_count += ask(asks + ask_count, find_range(ranges, i), i);
		}
	}
	enum weir_code code = WEIR_OK;
	if (ask_count) {
		code = client_offsets(client, topic, committed, asks, ask_count, err);
	}
	for (size_t i = 0; i < ask_count && code == WEIR_OK; i++) {
		if (asks[i].error) {
			const struct err_info *info = err_info(asks[i].error);
			code = err_set(err, info->code, "topic \"%s\" partition %d: %s", topic,
				(int)asks[i].partition, info->text);
		}
	}
	for (size_t i = 0; i < ask_count && code == WEIR_OK;) {
		const struct range *range = find_range(ranges, asks[i].partition);
		struct span *span = &spans[asks[i].partition];
		span->first = asks[i++].offset;
		span->last = asks[i++].offset;
		int64_t from = range->from.kind == PLACE_TIME ? asks[i++].offset : -1;
		int64_t to = range->to.kind == PLACE_TIME ? asks[i++].offset : -1;
		set_begin(span, &range->from, from);
		set_end(span, &range->to, to, stop, now_ms);
	}
	mem_free(asks);
	return code;
}
