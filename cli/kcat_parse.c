/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/kcat.h"

#include "cli/config_file.h"
#include "core/base/mem.h"
#include "core/base/number.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name, *kafka;
} props[] = {
#define KCAT_PROP(name, kafka) {name, kafka},
#include "cli/kcat_props.def"
#undef KCAT_PROP
};

static const char usage_text[] =
	"Modes:\n"
	"  -C           consume     -P  produce     -L  list metadata     -Q  offsets by time\n"
	"  -G GROUP     consume TOPIC... as a member of a group\n"
	"General:\n"
	"  -b LIST      brokers, HOST[:PORT],...\n"
	"  -t TOPIC     topic; with -Q: TOPIC:PARTITION:TIMESTAMP, may repeat\n"
	"  -p N         partition\n"
	"  -D DELIM     delimiter of records (\\n), with \\n \\r \\t \\xNN\n"
	"  -K DELIM     delimiter of keys\n"
	"  -c N         at most N records\n"
	"  -m SECONDS   timeout of metadata requests (5)\n"
	"  -F FILE      configuration file, NAME=VALUE; also $KCAT_CONFIG, ~/.config/kcat.conf\n"
	"  -X NAME=VAL  property by librdkafka's name; -X list, -X dump\n"
	"  -d WHAT      shows the protocol\n"
	"  -q -v        fewer, more notices\n"
	"  -E           goes on after errors that need not end it\n"
	"  -V -h        version, this text\n"
	"Producer:\n"
	"  -z CODEC     gzip, snappy, lz4, zstd\n"
	"  -k KEY       key of all records     -H NAME=VALUE  header of all records\n"
	"  -l           files are read by lines; without it each file is a record\n"
	"  -T           prints what is sent    -Z             empty is null\n"
	"Consumer:\n"
	"  -o OFFSET    beginning, end, stored, N, -N, s@MS (from), e@MS (to)\n"
	"  -e           ends at the end\n"
	"  -f FORMAT    %s %S %R value, its length, the same in 4 bytes; %k %K key; %T timestamp;\n"
	"               %h headers; %t topic; %p partition; %o offset\n"
	"  -J           JSON\n"
	"  -s [key=|value=]PACK   unpacks numbers: < > b B h H i I q Q c s $\n"
	"  -Z           prints null as NULL    -u             without buffer\n";

static void print_usage(FILE *file, const char *reason)
{
	if (reason) {
		fprintf(file, "Error: %s\n\n", reason);
	}
	fprintf(file, "Usage: kcat <options> [file1 file2 .. | topic1 topic2 ..]]\n%s", usage_text);
}

/* ---- values ---- */

/* \n \t \r \xNN, as kcat has them in -D and -K. */
static void parse_delim(const char *text, struct buf *out)
{
	for (; *text; text++) {
		if (*text != '\\' || !text[1]) {
			buf_add_byte(out, (uint8_t)*text);
			continue;
		}
		char *end;
		switch (*++text) {
		case 'n':
			buf_add_byte(out, '\n');
			break;
		case 't':
			buf_add_byte(out, '\t');
			break;
		case 'r':
			buf_add_byte(out, '\r');
			break;
		case 'x':
			buf_add_byte(out, (uint8_t)strtoul(text + 1, &end, 16));
			text = end - 1;
			break;
		default:
			buf_add_byte(out, '\\');
			buf_add_byte(out, (uint8_t)*text);
		}
	}
}

static enum weir_code parse_offset(struct kcat *k, const char *text, struct weir_err *err)
{
	int64_t number;
	bool start = !strncmp(text, "s@", 2), stop = !strncmp(text, "e@", 2);
	if (start || stop) {
		if (number_i64(text + 2, 0, INT64_MAX, &number, NULL) != WEIR_OK) {
			return err_set(err, WEIR_BAD_DATA, "-o %s: not a time in ms", text);
		}
		*(start ? &k->start_ms : &k->stop_ms) = number;
		return WEIR_OK;
	}
	bool named = !strcmp(text, "beginning") || !strcmp(text, "end") || !strcmp(text, "stored");
	if (!named && number_i64(text, INT64_MIN, INT64_MAX, &number, NULL) != WEIR_OK) {
		return err_set(err, WEIR_BAD_DATA,
			"-o %s: not beginning, end, stored, an offset, s@ or e@", text);
	}
	k->offset = text;
	return WEIR_OK;
}

static enum weir_code add_query(struct kcat *k, const char *text, struct weir_err *err)
{
	const char *first = strchr(text, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	char *number = second ? mem_dup(first + 1, (size_t)(second - first) - 1) : NULL;
	int64_t partition = 0, timestamp = 0;
	bool good = number && number_i64(number, 0, INT32_MAX, &partition, NULL) == WEIR_OK &&
		    number_i64(second + 1, INT64_MIN, INT64_MAX, &timestamp, NULL) == WEIR_OK;
	mem_free(number);
	if (!good) {
		return err_set(
			err, WEIR_BAD_DATA, "-t: expected \"topic:partition:offset_or_timestamp\"");
	}
	k->queries = mem_grow(k->queries, k->query_count + 1, sizeof(*k->queries));
	k->queries[k->query_count++] = (struct kcat_query){
		mem_dup(text, (size_t)(first - text)), (int32_t)partition, timestamp};
	return WEIR_OK;
}

static enum weir_code set_unpack(struct kcat *k, const char *text, struct weir_err *err)
{
	bool key = !strncmp(text, "key=", 4), value = !strncmp(text, "value=", 6);
	const char *pack = text + (key ? 4 : value ? 6 : 0);
	if (!strcmp(pack, "avro")) {
		return err_set(err, WEIR_BAD_DATA,
			"This build of kcat lacks Avro/Schema-Registry support");
	}
	if (!*pack) {
		return err_set(err, WEIR_BAD_DATA, "%s pack-format must not be empty",
			value ? "value" : "key");
	}
	size_t good = strspn(pack, " <>bBhHiIqQcs$");
	if (pack[good]) {
		return err_set(err, WEIR_BAD_DATA,
			"Invalid token '%c' in %s pack-format, see -s usage.", pack[good],
			value ? "value" : "key");
	}
	k->unpack_key = value ? k->unpack_key : pack;
	k->unpack_value = key ? k->unpack_value : pack;
	return WEIR_OK;
}

/* ---- properties ---- */

static void list_props(const struct kcat *k)
{
	for (size_t i = 0; i < sizeof(props) / sizeof(*props); i++) {
		out_printf(&k->ctx->out, "%-40s | %s\n", props[i].name,
			props[i].kafka ? "" : "taken, without effect");
	}
}

static void dump_props(const struct kcat *k)
{
	for (size_t i = 0; i < k->ctx->props.count; i++) {
		const struct prop *p = &k->ctx->props.items[i];
		out_printf(&k->ctx->out, "%s = %s\n", p->key, p->value);
	}
}

static enum weir_code set_prop(struct kcat *k, const char *name, const char *value,
	const char *origin, struct weir_err *err)
{
	const char *plain = strncmp(name, "topic.", 6) ? name : name + 6;
	if (!strncmp(name, "schema.registry.", 16)) {
		return err_set(err, WEIR_BAD_DATA,
			"This build of kcat lacks Avro/Schema-Registry support");
	}
	for (size_t i = 0; i < sizeof(props) / sizeof(*props); i++) {
		if (strcmp(props[i].name, name) && strcmp(props[i].name, plain)) {
			continue;
		}
		if (props[i].kafka) {
			props_add(&k->ctx->props, props[i].kafka, value, origin);
		}
		return WEIR_OK;
	}
	return err_set(err, WEIR_BAD_DATA, "No such configuration property: \"%s\"", name);
}

static enum weir_code set_pair(
	struct kcat *k, const char *pair, const char *origin, struct weir_err *err)
{
	const char *equal = strchr(pair, '=');
	if (!equal) {
		return err_set(err, WEIR_BAD_DATA,
			"Expected -X property=value, not %s, use -X list to display available "
			"properties",
			pair);
	}
	char *name = mem_dup(pair, (size_t)(equal - pair));
	enum weir_code code = set_prop(k, name, equal + 1, origin, err);
	mem_free(name);
	return code;
}

static enum weir_code read_conf(struct kcat *k, const char *path, struct weir_err *err)
{
	struct config_file file = {0};
	enum weir_code code = config_file_read(&file, path, err);
	for (size_t i = 0; code == WEIR_OK && i < file.count; i++) {
		const struct config_entry *e = &file.entries[i];
		code = set_prop(k, e->key, e->value, e->origin, err);
		if (code != WEIR_OK) {
			(void)err_wrap(err, "%s", e->origin);
		}
	}
	config_file_fini(&file);
	return code;
}

static enum weir_code default_conf(struct kcat *k, struct weir_err *err)
{
	const char *path = getenv("KCAT_CONFIG"), *home = getenv("HOME");
	if (path && *path) {
		return read_conf(k, path, err);
	}
	char *usual = home && *home ? mem_printf("%s/.config/kcat.conf", home) : NULL;
	enum weir_code code =
		usual && access(usual, R_OK) == 0 ? read_conf(k, usual, err) : WEIR_OK;
	mem_free(usual);
	return code;
}

/* ---- options ---- */

struct parse {
	struct kcat *k;
	const char *brokers;
	struct opt_list sets, files; /* -X and -F, kept for later: the last -X counts */
	bool done, no_search;
};

static void keep(struct opt_list *list, const char *word)
{
	list->items = mem_grow(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = word;
}

static enum weir_code take_number(const char *option, const char *text, int64_t min, int64_t max,
	int64_t *out, struct weir_err *err)
{
	return number_i64(text, min, max, out, NULL) == WEIR_OK
		       ? WEIR_OK
		       : err_set(err, WEIR_BAD_DATA, "%s %s: not a number", option, text);
}

static void take_flag(struct kcat *k, int letter)
{
	switch (letter) {
	case 'e':
		k->exit_at_end = true;
		break;
	case 'E':
		k->go_on = true;
		break;
	case 'J':
		k->json = true;
		break;
	case 'T':
		k->tee = true;
		break;
	case 'l':
		k->lines = true;
		break;
	case 'Z':
		k->null = true;
		break;
	case 'u':
		k->unbuffered = true;
		break;
	case 'q':
		k->verbosity = 0;
		break;
	case 'v':
		k->verbosity++;
		break;
	default:
		break; /* -O, which changes nothing in kcat either */
	}
}

static enum weir_code take_set(struct parse *p, const char *text)
{
	struct kcat *k = p->k;
	if (!strcmp(text, "list") || !strcmp(text, "help")) {
		list_props(k);
		p->done = true;
	} else if (!strcmp(text, "dump")) {
		k->dump = true;
	} else {
		keep(&p->sets, text);
	}
	return WEIR_OK;
}

static void take_delim(struct kcat *k, int letter, const char *text)
{
	struct buf *delim = letter == 'D' ? &k->delim : &k->key_delim;
	buf_reset(delim);
	parse_delim(text, delim);
	k->has_key_delim = k->has_key_delim || letter == 'K';
}

static enum weir_code take_value(
	struct parse *p, int letter, const char *text, struct weir_err *err)
{
	struct kcat *k = p->k;
	int64_t number = -1;
	enum weir_code code = WEIR_OK;
	switch (letter) {
	case 'G':
		k->group = text;
		k->mode = 'G';
		break;
	case 't':
		if (k->mode == 'Q') {
			return add_query(k, text, err);
		}
		k->topic = text;
		break;
	case 'p':
		code = take_number("-p", text, -1, INT32_MAX, &number, err);
		k->partition = (int32_t)number;
		break;
	case 'b':
		p->brokers = text;
		break;
	case 'z':
		props_add(&k->ctx->props, "compression.type", text, "-z");
		break;
	case 'o':
		return parse_offset(k, text, err);
	case 'f':
		k->format_text = text;
		break;
	case 's':
		return set_unpack(k, text, err);
	case 'r':
		return err_set(err, WEIR_BAD_DATA,
			"This build of kcat lacks Avro/Schema-Registry support");
	case 'D':
	case 'K':
		take_delim(k, letter, text);
		break;
	case 'k':
		k->fixed_key = text;
		break;
	case 'H':
		if (!*text || *text == '=') {
			return err_set(
				err, WEIR_BAD_DATA, "Expected -H \"name=value..\" or -H \"name\"");
		}
		keep(&k->headers, text);
		break;
	case 'c':
		return take_number("-c", text, -1, INT64_MAX, &k->count, err);
	case 'm':
		return take_number("-m", text, 1, INT32_MAX / 1000, &k->metadata_timeout_s, err);
	case 'd':
		k->ctx->globals.verbose = 2;
		break;
	case 'F':
		p->no_search = true;
		if (strcmp(text, "-") && strcmp(text, "none")) {
			keep(&p->files, text);
		}
		break;
	default:
		return take_set(p, text);
	}
	return code;
}

static enum weir_code take_options(struct parse *p, int argc, char **argv, struct weir_err *err)
{
	static const char letters[] = ":PCG:LQt:p:b:z:o:eED:K:k:H:Od:qvF:X:c:Tuf:ZlVhs:r:Jm:";
	enum weir_code code = WEIR_OK;
	int letter;
	optind = 1;
	opterr = 0;
	while (code == WEIR_OK && !p->done && (letter = getopt(argc, argv, letters)) != -1) {
		if (letter == '?' || letter == ':') {
			return err_set(err, WEIR_USAGE, "unknown argument");
		}
		if (letter == 'V') {
			out_printf(&p->k->ctx->out,
				"kcat - weir's, as of Version 1.7.1 (JSON)\nweir %s\n",
				PACKAGE_VERSION);
			p->done = true;
		} else if (letter == 'h') {
			print_usage(stdout, NULL);
			p->done = true;
		} else if (strchr("PCLQ", letter)) {
			p->k->mode = letter; /* the last one counts */
		} else if (strchr("eEOqvTuZlJ", letter)) {
			take_flag(p->k, letter);
		} else {
			code = take_value(p, letter, optarg, err);
		}
	}
	p->k->words = argv + optind;
	p->k->word_count = (size_t)(argc - optind);
	return code;
}

/* Earlier ones win in props: the last -X first, then files, then the usual file. */
static enum weir_code take_props(struct parse *p, struct weir_err *err)
{
	struct kcat *k = p->k;
	enum weir_code code = WEIR_OK;
	if (!p->brokers) {
		p->brokers = k->ctx->globals.brokers; /* weir -b LIST kcat ... */
	}
	if (p->brokers) {
		props_add(&k->ctx->props, "bootstrap.servers", p->brokers, "-b");
	}
	for (size_t i = p->sets.count; i > 0 && code == WEIR_OK; i--) {
		code = set_pair(k, p->sets.items[i - 1], "-X", err);
	}
	for (size_t i = 0; i < p->files.count && code == WEIR_OK; i++) {
		code = read_conf(k, p->files.items[i], err);
	}
	return code == WEIR_OK && !p->no_search ? default_conf(k, err) : code;
}

static enum weir_code check(struct kcat *k, struct weir_err *err)
{
	bool directory = ctx_dir(k->ctx) != NULL;
	if (!props_find(&k->ctx->props, "bootstrap.servers") && !directory) {
		return err_set(err, WEIR_USAGE, "-b <broker,..> missing");
	}
	if (!k->mode) {
		k->mode = isatty(STDIN_FILENO) == 1 ? 'C' : 'P';
		kcat_info(k, 1, "Auto-selecting %s mode (use -P or -C to override)\n",
			k->mode == 'C' ? "Consumer" : "Producer");
	}
	if (strchr("CP", k->mode) && !k->topic) {
		return err_set(err, WEIR_USAGE, "-t <topic> missing");
	}
	if (k->mode == 'Q' && !k->query_count) {
		return err_set(
			err, WEIR_USAGE, "-t <topic>:<partition>:<offset_or_timestamp> missing");
	}
	if (k->word_count && !strchr("PG", k->mode)) {
		return err_set(err, WEIR_USAGE,
			"file/topic list only allowed in producer(-P)/kafkaconsumer(-G) mode");
	}
	if ((k->unpack_key || k->unpack_value) && !strchr("GC", k->mode)) {
		return err_set(err, WEIR_BAD_DATA, "-s serdes only available in the consumer");
	}
	if (k->mode == 'P' && !k->delim.len) {
		return err_set(err, WEIR_BAD_DATA,
			"Message delimiter -D must not be empty when producing");
	}
	if (k->lines && k->word_count > 1) {
		return err_set(err, WEIR_BAD_DATA, "Only one file allowed for line mode (-l)");
	}
	if (k->mode == 'G' && (k->start_ms || k->stop_ms)) {
		return err_set(err, WEIR_BAD_DATA, "-o ..@ timestamps can't be used with -G mode");
	}
	return WEIR_OK;
}

enum weir_code kcat_parse(struct kcat *k, bool *done, struct weir_err *err)
{
	struct parse p = {.k = k};
	int argc = (int)k->ctx->rest_count + 1;
	char **argv = mem_array((size_t)argc + 1, sizeof(*argv));
	static char name[] = "kcat";
	argv[0] = name;
	for (int i = 1; i < argc; i++) {
		argv[i] = k->ctx->rest[i - 1];
	}
	/* Images that had kcat as their entry point are called with its name once more. */
	int skip = argc > 1 && (!strcmp(argv[1], "kcat") || !strcmp(argv[1], "kafkacat"));
	buf_add_byte(&k->delim, '\n');
	enum weir_code code = take_options(&p, argc - skip, argv + skip, err);
	code = code || p.done ? code : take_props(&p, err);
	if (code == WEIR_OK && !p.done && k->dump) {
		dump_props(k);
		p.done = true;
	}
	code = code || p.done ? code : check(k, err);
	if (code == WEIR_USAGE) {
		print_usage(stderr, err->text);
		k->status = 1;
		code = WEIR_OK;
		p.done = true;
	}
	mem_free(p.sets.items);
	mem_free(p.files.items);
	*done = p.done;
	k->argv = argv;
	return code;
}
