/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Protocol messages from tables: one walker a verb over descriptors (core/wire/messages).
 *
 * A message is a plain struct named by one rule: the message's name in snake form
 * (MetadataRequest -> struct metadata_request), its parts message_part (MetadataRequest's
 * TopicProduceData -> struct produce_request_topic_produce_data; a part whose snake name already
 * begins with the message's is not prefixed again). Fields keep Kafka's names in snake form.
 * Strings, bytes and records are struct slice pointing into the decoded bytes (data NULL = null);
 * arrays are a pointer and <field>_count (int32_t, -1 = null); a nullable struct is a pointer.
 * Descriptors: extern const struct wire_message <snake>_message.
 */
#pragma once

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/uuid.h"

struct wire_message;
struct wire_part;

/* Sets every field to its default (zero where the message names none; "" for strings and bytes). */
void wire_defaults(const struct wire_message *msg, void *out);
void wire_part_defaults(const struct wire_part *part, void *out);

/* count parts at their defaults, for an array to be sent; NULL as arena_try. */
void *wire_part_new(const struct wire_part *part, size_t count, struct arena *arena) WEIR_MUST_USE;

/*
 * Decodes one message of version from bytes into out; absent fields get their defaults. Arrays and
 * nullable structs are put into arena (cap it: LIMIT_ARENA_FACTOR). *used: bytes read, may be fewer
 * than given. Unknown tags are skipped, at most LIMIT_UNKNOWN_TAGS a struct. Errors:
 * INVALID_REQUEST (a length or count lies, bytes end, null where it may not be; the text names
 * message and field), NO_MEMORY (arena), UNSUPPORTED_VERSION (the message has no such version).
 */
WEIR_MUST_USE enum weir_code wire_decode(const struct wire_message *msg, int16_t version,
	struct slice bytes, struct arena *arena, void *out, size_t *used, struct weir_err *err);

/*
 * A records field that is not copied: len bytes belong at pos of the encoded message. The encoder
 * notes the field and leaves the bytes out, so that a reply can be sent straight from files.
 */
struct wire_gather {
	struct wire_gather_item {
		size_t pos;	    /* in the buffer handed to wire_encode */
		struct slice bytes; /* as in the struct; data may be any non-NULL cookie */
	} * items;		    /* caller's array */
	size_t room, count;
};

/*
 * Appends msg of version to out. gather may be NULL: records are copied. Fields outside version
 * that are not ignorable and not at their default give UNSUPPORTED_VERSION, and so does a null
 * array that may not be null; a null string or bytes is sent as an empty one there. Errors: also
 * NO_MEMORY (out's cap too), TOO_LARGE (a string over 32767, which peers refuse in any version;
 * gather full). After an error out has its former length.
 */
WEIR_MUST_USE enum weir_code wire_encode(const struct wire_message *msg, int16_t version,
	const void *in, struct buf *out, struct wire_gather *gather, struct weir_err *err);

/* Whether all fields are the same, whatever the version; null differs from empty. */
bool wire_equal(const struct wire_message *msg, const void *a, const void *b);

/*
 * For tests: fills the fields that version has with random values (core/base/random.h) that it can
 * carry, the others with their defaults; arrays up to 3 items. False when arena gave out.
 */
bool wire_random_fill(
	const struct wire_message *msg, int16_t version, struct arena *arena, void *out);

/* One row of core/wire/apis.def. */
struct wire_api {
	int16_t key;
	const char *name; /* "Metadata" */
	int16_t min, max; /* Kafka 4.3's advertised range */
	int16_t flexible; /* first flexible version, 32767 if none */
	const struct wire_message *request, *response;
};
const struct wire_api *wire_api(int16_t key); /* NULL if unknown */
const struct wire_api *wire_api_at(size_t i); /* NULL past the end */

/*
 * One row of core/wire/records.def: a kind of record in an internal topic. Its key begins with an
 * int16 type and its value with an int16 version; the message's bytes follow. Keys have version 0.
 */
struct wire_record {
	const char *topic; /* "__consumer_offsets" */
	int16_t type;
	const struct wire_message *key, *value;
};
const struct wire_record *wire_record(struct slice topic, int16_t type); /* NULL if unknown */
const struct wire_record *wire_record_at(size_t i);			 /* NULL past the end */

struct wire_request_header {
	int16_t api_key, version;
	int32_t correlation_id;
	struct slice client_id; /* may be null */
};
/* Reads the header (version 1, or 2 when the API's version is flexible). Unknown keys and versions
 * are read as version 1. Errors: INVALID_REQUEST. */
WEIR_MUST_USE enum weir_code wire_request_header_decode(
	struct slice frame, struct wire_request_header *header, size_t *used, struct weir_err *err);
/* Appends it, without the frame length. */
void wire_request_header_encode(const struct wire_request_header *header, struct buf *out);
/* Response header: correlation id, and tags when flexible (ApiVersions: never). */
void wire_response_header_encode(
	int16_t key, int16_t version, int32_t correlation_id, struct buf *out);
WEIR_MUST_USE enum weir_code wire_response_header_decode(int16_t key, int16_t version,
	struct slice frame, int32_t *correlation_id, size_t *used, struct weir_err *err);
