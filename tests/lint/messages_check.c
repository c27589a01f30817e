/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * messages_check DIR VERSIONS: compares our message tables, field by field, with Kafka's
 * definitions (DIR/<Name>.json, DIR/records/<Name>.json) and core/wire/apis.def with the ranges
 * that a broker advertises (VERSIONS, lines "api KEY NAME MIN MAX"). Prints each difference; exit 1
 * if there is any.
 */
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/wire/messages.h"
#include "core/wire/wire.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

struct check {
	const char *message; /* "FetchRequest" */
	char prefix[100];    /* "fetch_request" */
	json_t *root;
	int fields, differences;
};

static void differ(struct check *c, const char *where, const char *what)
{
	printf("%s: %s: %s differs\n", c->message, where, what);
	c->differences++;
}

/* The file's text without // comments; none of the strings in these files holds "//". */
static json_t *load(const char *dir, const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s.json", dir, name);
	FILE *file = fopen(path, "r");
	if (!file) {
		return NULL;
	}
	struct buf text;
	buf_init(&text, 0);
	char line[4096];
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		char *comment = strstr(line, "//");
		if (comment && (comment == line || comment[-1] != ':')) {
			*comment = '\0';
		}
		buf_add_str(&text, line);
		buf_add_byte(&text, '\n');
	}
	fclose(file);
	json_error_t why;
	json_t *root = json_loadb((const char *)text.data, text.len, 0, &why);
	if (!root) {
		printf("%s:%d: %s\n", path, why.line, why.text);
	}
	buf_fini(&text);
	return root;
}

static const char *text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* "3+", "3-7", "3", "none" or nothing. */
static struct wire_range range_of(json_t *object, const char *key)
{
	const char *text = text_of(object, key);
	char *rest;
	long min = strtol(text, &rest, 10);
	if (rest == text) {
		return (struct wire_range){0, 0};
	}
	long end = min + 1;
	if (*rest == '+') {
		end = INT16_MAX;
	} else if (*rest == '-') {
		end = strtol(rest + 1, NULL, 10) + 1;
	}
	return (struct wire_range){(int16_t)min, (int16_t)end};
}

static bool same_range(struct wire_range a, struct wire_range b)
{
	return a.min == b.min && a.end == b.end;
}

/* TopicId -> topic_id. */
static void snake(const char *name, char *out, size_t room)
{
	size_t n = 0;
	for (size_t i = 0; name[i] && n + 2 < room; i++) {
		bool upper = isupper((unsigned char)name[i]);
		bool inside = i && (!isupper((unsigned char)name[i - 1]) ||
					   islower((unsigned char)name[i + 1]));
		if (upper && inside) {
			out[n++] = '_';
		}
		out[n++] = (char)tolower((unsigned char)name[i]);
	}
	out[n] = '\0';
}

static int plain_kind(const char *type)
{
	static const struct {
		const char *type;
		enum wire_kind kind;
	} rows[] = {{"bool", WIRE_BOOL}, {"int8", WIRE_I8}, {"int16", WIRE_I16},
		{"uint16", WIRE_U16}, {"int32", WIRE_I32}, {"int64", WIRE_I64},
		{"float64", WIRE_F64}, {"uuid", WIRE_UUID}, {"string", WIRE_STR},
		{"bytes", WIRE_BYTES}, {"records", WIRE_RECORDS}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].type, type) == 0) {
			return (int)rows[i].kind;
		}
	}
	return -1;
}

/* The fields of a part: its own, or those of the common struct of that name. */
static json_t *fields_of(struct check *c, json_t *field, const char *type)
{
	json_t *fields = json_object_get(field, "fields");
	size_t i;
	json_t *common;
	json_array_foreach(json_object_get(c->root, "commonStructs"), i, common)
	{
		if (!fields && strcmp(text_of(common, "name"), type) == 0) {
			fields = json_object_get(common, "fields");
		}
	}
	return fields;
}

static void check_default(
	struct check *c, const struct wire_field *f, const char *where, json_t *def)
{
	bool null = json_is_string(def) && strcmp(json_string_value(def), "null") == 0;
	long long number = 0;
	if (json_is_integer(def)) {
		number = json_integer_value(def);
	} else if (json_is_boolean(def)) {
		number = json_is_true(def);
	} else if (json_is_string(def) && strcmp(json_string_value(def), "true") == 0) {
		number = 1;
	} else if (json_is_string(def) && !null) {
		number = strtoll(json_string_value(def), NULL, 0);
	}
	if (f->always != (json_is_null(def) && f->kind == WIRE_OPTIONAL)) {
		differ(c, where, "always");
	}
	if (null != f->null_def || number != f->def) {
		differ(c, where, "default");
	}
}

static void check_part(struct check *c, const struct wire_part *part, json_t *fields);

static void check_type(
	struct check *c, const struct wire_field *f, const char *where, json_t *field)
{
	const char *type = text_of(field, "type");
	bool array = strncmp(type, "[]", 2) == 0;
	type += array ? 2 : 0;
	bool nullable = json_object_get(field, "nullableVersions") != NULL;
	int item = plain_kind(type);
	bool is_part = item < 0;
	if (is_part) {
		item = nullable && !array ? WIRE_OPTIONAL : WIRE_STRUCT;
	}
	int kind = array ? WIRE_ARRAY : item;
	if (kind != f->kind || (array && item != f->item) || is_part != (f->part != NULL)) {
		differ(c, where, "type");
		return;
	}
	if (!is_part) {
		return;
	}
	char name[200], own[100];
	snake(type, own, sizeof(own));
	bool begins = strncmp(own, c->prefix, strlen(c->prefix)) == 0;
	snprintf(name, sizeof(name), "%s%s%s", begins ? "" : c->prefix, begins ? "" : "_", own);
	if (strcmp(name, f->part->name) != 0) {
		differ(c, where, "name of the part");
	}
	check_part(c, f->part, fields_of(c, field, type));
}

static void check_field(
	struct check *c, const struct wire_part *part, const struct wire_field *f, json_t *field)
{
	char name[100], where[300];
	snake(text_of(field, "name"), name, sizeof(name));
	snprintf(where, sizeof(where), "%s.%s", part->name, name);
	c->fields++;
	if (strcmp(f->name, name) != 0) {
		differ(c, where, "name");
		return;
	}
	bool tagged_only = json_object_get(field, "versions") == NULL;
	if (!same_range(
		    f->versions, range_of(field, tagged_only ? "taggedVersions" : "versions"))) {
		differ(c, where, "versions");
	}
	if (!same_range(f->nullable, range_of(field, "nullableVersions"))) {
		differ(c, where, "nullable");
	}
	if (!same_range(f->tagged, range_of(field, "taggedVersions"))) {
		differ(c, where, "tagged");
	}
	if (f->tag != json_integer_value(json_object_get(field, "tag"))) {
		differ(c, where, "tag");
	}
	if (f->ignorable != json_is_true(json_object_get(field, "ignorable"))) {
		differ(c, where, "ignorable");
	}
	check_default(c, f, where, json_object_get(field, "default"));
	check_type(c, f, where, field);
}

static void check_part(struct check *c, const struct wire_part *part, json_t *fields)
{
	if (!fields || part->field_count != json_array_size(fields)) {
		differ(c, part->name, "count of fields");
		return;
	}
	for (size_t i = 0; i < part->field_count; i++) {
		check_field(c, part, &part->fields[i], json_array_get(fields, i));
	}
}

/* key: of the API, or the type of a record; negative: the message has none. */
static void check_message(
	struct check *c, const char *dir, int16_t key, const struct wire_message *msg)
{
	c->message = msg->name;
	c->root = load(dir, msg->name);
	snake(msg->name, c->prefix, sizeof(c->prefix));
	if (!c->root) {
		differ(c, dir, "the file");
		return;
	}
	if (!same_range(msg->versions, range_of(c->root, "validVersions"))) {
		differ(c, msg->name, "versions");
	}
	if (!same_range(msg->flexible, range_of(c->root, "flexibleVersions"))) {
		differ(c, msg->name, "flexible");
	}
	if (key >= 0 && key != json_integer_value(json_object_get(c->root, "apiKey"))) {
		differ(c, msg->name, "API key");
	}
	if (strcmp(msg->part->name, c->prefix) != 0) {
		differ(c, msg->name, "name of the struct");
	}
	check_part(c, msg->part, json_object_get(c->root, "fields"));
	json_decref(c->root);
}

static void check_ranges(struct check *c, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[200], name[100];
	int seen = 0;
	c->message = "core/wire/apis.def";
	while (file && fgets(line, sizeof(line), file)) {
		int key, min, max;
		if (sscanf(line, "api %d %99s %d %d", &key, name, &min, &max) != 4) {
			continue;
		}
		const struct wire_api *api = wire_api((int16_t)key);
		if (!api) {
			continue;
		}
		seen++;
		if (api->min != min || api->max != max || strcmp(api->name, name) != 0) {
			differ(c, name, "name or range");
		}
	}
	if (file) {
		fclose(file);
	}
	if (!seen || wire_api_at((size_t)seen)) {
		differ(c, path, "count of APIs");
	}
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		printf("usage: %s DIR VERSIONS\n", argv[0]);
		return 2;
	}
	struct check check = {0};
	const struct wire_api *api;
	size_t i = 0;
	for (; (api = wire_api_at(i)); i++) {
		check_message(&check, argv[1], api->key, api->request);
		check_message(&check, argv[1], api->key, api->response);
	}
	char dir[4096];
	snprintf(dir, sizeof(dir), "%s/records", argv[1]);
	const struct wire_record *record;
	for (size_t r = 0; (record = wire_record_at(r)); r++) {
		check_message(&check, dir, record->type, record->key);
		check_message(&check, dir, record->type, record->value);
	}
	check_message(&check, argv[1], -1, &consumer_protocol_subscription_message);
	check_message(&check, argv[1], -1, &consumer_protocol_assignment_message);
	check_ranges(&check, argv[2]);
	printf("%zu APIs, %d fields, %d differences\n", i, check.fields, check.differences);
	return check.differences || !check.fields;
}
