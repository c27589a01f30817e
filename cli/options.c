/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/options.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/near.h"
#include "core/base/number.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void hint_set(struct hint *hint, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(hint->text, sizeof(hint->text), fmt, args);
	va_end(args);
}

static void *member(const struct opt *opt, void *args)
{
	return (char *)args + opt->pos;
}

bool opt_takes_value(const struct opt *opt)
{
	return opt->kind != OPT_KIND_BOOL && opt->kind != OPT_KIND_COUNT;
}

static void set_number(const struct opt *opt, void *args, int64_t value)
{
	switch (opt->kind) {
	case OPT_KIND_I32:
		*(int32_t *)member(opt, args) = (int32_t)value;
		break;
	case OPT_KIND_CHOICE:
	case OPT_KIND_COUNT:
		*(int *)member(opt, args) = (int)value;
		break;
	default:
		*(int64_t *)member(opt, args) = value;
		break;
	}
}

void opts_set_defaults(const struct opt *opts, void *args)
{
	for (const struct opt *o = opts; o && o->kind != OPT_KIND_END; o++) {
		if (o->def) {
			struct weir_err err;
			WEIR_ASSERT(opt_set(o, args, o->def, &err) == WEIR_OK);
		} else if (o->kind == OPT_KIND_BOOL) {
			*(bool *)member(o, args) = false;
		} else if (o->kind == OPT_KIND_STR) {
			*(const char **)member(o, args) = NULL;
		} else if (o->kind == OPT_KIND_LIST) {
			*(struct opt_list *)member(o, args) = (struct opt_list){NULL, 0};
		} else {
			set_number(o, args, o->unset);
		}
	}
}

void opts_fini(const struct opt *opts, void *args)
{
	for (const struct opt *o = opts; o && o->kind != OPT_KIND_END; o++) {
		if (o->kind == OPT_KIND_LIST) {
			struct opt_list *list = member(o, args);
			mem_free((void *)list->items);
			*list = (struct opt_list){NULL, 0};
		}
	}
}

const struct opt *opts_find(const struct opt *opts, const char *name, size_t len)
{
	for (const struct opt *o = opts; o && o->kind != OPT_KIND_END; o++) {
		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0) {
			return o;
		}
	}
	return NULL;
}

const struct opt *opts_find_letter(const struct opt *opts, char letter)
{
	for (const struct opt *o = opts; o && o->kind != OPT_KIND_END; o++) {
		if (o->letter == letter) {
			return o;
		}
	}
	return NULL;
}

static enum weir_code set_choice(
	const struct opt *opt, void *args, const char *text, struct weir_err *err)
{
	char all[160] = "";
	size_t len = 0;
	for (int i = 0; opt->choices[i]; i++) {
		if (strcmp(opt->choices[i], text) == 0) {
			set_number(opt, args, i);
			return WEIR_OK;
		}
		len += (size_t)snprintf(
			all + len, sizeof(all) - len, "%s%s", i ? ", " : "", opt->choices[i]);
		WEIR_ASSERT(len < sizeof(all));
	}
	return err_set(err, WEIR_USAGE, "\"%s\" is none of %s", text, all);
}

static enum weir_code parse_number(
	const struct opt *opt, const char *text, int64_t *value, struct weir_err *err)
{
	bool ranged = opt->min || opt->max;
	bool narrow = opt->kind == OPT_KIND_I32;
	int64_t min = ranged ? opt->min : narrow ? INT32_MIN : INT64_MIN;
	int64_t max = ranged ? opt->max : narrow ? INT32_MAX : INT64_MAX;
	enum weir_code code;
	switch (opt->kind) {
	case OPT_KIND_SIZE:
		code = number_size(text, value, err);
		break;
	case OPT_KIND_DURATION:
		code = number_duration(text, value, err);
		break;
	case OPT_KIND_TIME:
		return number_time(text, clock_wall_ms(), value, err);
	default:
		return number_i64(text, min, max, value, err);
	}
	if (code == WEIR_OK && (*value < min || *value > max)) {
		const char *unit = opt->kind == OPT_KIND_SIZE ? "bytes" : "ms";
		return err_set(err, WEIR_USAGE, "%s is outside %" PRId64 " to %" PRId64 " %s", text,
			min, max, unit);
	}
	return code;
}

enum weir_code opt_set(const struct opt *opt, void *args, const char *text, struct weir_err *err)
{
	enum weir_code code = WEIR_OK;
	int64_t value = 0;
	switch (opt->kind) {
	case OPT_KIND_BOOL:
		*(bool *)member(opt, args) = true;
		break;
	case OPT_KIND_COUNT:
		*(int *)member(opt, args) += 1;
		break;
	case OPT_KIND_STR:
		*(const char **)member(opt, args) = text;
		break;
	case OPT_KIND_LIST: {
		struct opt_list *list = member(opt, args);
		list->items = mem_grow((void *)list->items, list->count + 1, sizeof(char *));
		list->items[list->count++] = text;
		break;
	}
	case OPT_KIND_CHOICE:
		code = set_choice(opt, args, text, err);
		break;
	default:
		code = parse_number(opt, text, &value, err);
		if (code == WEIR_OK) {
			set_number(opt, args, value);
		}
		break;
	}
	if (code != WEIR_OK) {
		err_wrap(err, "--%s", opt->name);
	}
	return code;
}

/* Finds an option of either table and the struct it fills. */
static const struct opt *find(
	const struct opt_parser *p, const char *name, size_t len, char letter, void **args)
{
	*args = p->args;
	const struct opt *o =
		letter ? opts_find_letter(p->opts, letter) : opts_find(p->opts, name, len);
	if (!o) {
		*args = p->global_args;
		o = letter ? opts_find_letter(p->globals, letter)
			   : opts_find(p->globals, name, len);
	}
	return o;
}

static enum weir_code value_missing(const struct opt *opt, struct weir_err *err)
{
	return err_set(err, WEIR_USAGE, "--%s needs a value: %s", opt->name, opt->arg);
}

static void offer(struct near *near, const struct opt *opts)
{
	for (const struct opt *o = opts; o && o->kind != OPT_KIND_END; o++) {
		near_offer(near, o->name);
	}
}

static enum weir_code unknown_name(
	const struct opt_parser *p, const char *word, size_t len, struct weir_err *err)
{
	char name[64];
	snprintf(name, sizeof(name), "%.*s", (int)(len < 63 ? len : 63), word);
	struct near near;
	near_init(&near, name);
	offer(&near, p->opts);
	offer(&near, p->globals);
	if (near.best) {
		hint_set(p->hint, "did you mean --%s?", near.best);
	}
	return err_set(err, WEIR_USAGE, "unknown option --%s", name);
}

static enum weir_code take_long(struct opt_parser *p, const char *word, struct weir_err *err)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	void *args;
	const struct opt *o = find(p, word, len, 0, &args);
	if (!o) {
		return unknown_name(p, word, len, err);
	}
	if (!opt_takes_value(o)) {
		if (equals) {
			return err_set(err, WEIR_USAGE, "--%s takes no value", o->name);
		}
		return opt_set(o, args, NULL, err);
	}
	if (equals) {
		return opt_set(o, args, equals + 1, err);
	}
	if (o->bare) {
		return opt_set(o, args, o->bare, err);
	}
	if (p->next >= p->argc) {
		return value_missing(o, err);
	}
	return opt_set(o, args, p->argv[p->next++], err);
}

static enum weir_code take_letter(struct opt_parser *p, struct weir_err *err)
{
	char letter = *p->letters++;
	const char *rest = *p->letters ? p->letters : NULL;
	void *args;
	const struct opt *o = find(p, NULL, 0, letter, &args);
	if (!o) {
		return err_set(err, WEIR_USAGE, "unknown option -%c", letter);
	}
	if (!opt_takes_value(o) || o->bare) {
		p->letters = rest;
		return opt_set(o, args, o->bare, err);
	}
	p->letters = NULL;
	if (!rest) {
		if (p->next >= p->argc) {
			return value_missing(o, err);
		}
		rest = p->argv[p->next++];
	}
	return opt_set(o, args, rest, err);
}

enum weir_code opts_next(
	struct opt_parser *p, enum opt_event *event, const char **word, struct weir_err *err)
{
	for (;;) {
		if (p->letters) {
			enum weir_code code = take_letter(p, err);
			if (code != WEIR_OK) {
				return code;
			}
			continue;
		}
		if (p->next >= p->argc) {
			*event = OPT_DONE;
			return WEIR_OK;
		}
		const char *w = p->argv[p->next++];
		/* "-" is standard input and "-5" a number, not options. */
		if (w[0] != '-' || w[1] == '\0' || (w[1] >= '0' && w[1] <= '9')) {
			*event = OPT_WORD;
			*word = w;
			return WEIR_OK;
		}
		if (w[1] != '-') {
			p->letters = w + 1;
			continue;
		}
		if (w[2] == '\0') {
			*event = OPT_DASHES;
			return WEIR_OK;
		}
		enum weir_code code = take_long(p, w + 2, err);
		if (code != WEIR_OK) {
			return code;
		}
	}
}
