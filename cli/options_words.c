/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options as the words that gave them. */
#include "cli/options.h"

#include "core/base/mem.h"

#include <inttypes.h>

struct words {
	void (*emit)(void *arg, const char *word);
	void *arg;
};

static void put(const struct words *w, const struct opt *o, const char *value)
{
	char *word = value ? mem_printf("--%s=%s", o->name, value) : mem_printf("--%s", o->name);
	w->emit(w->arg, word);
	mem_free(word);
}

static void put_number(const struct words *w, const struct opt *o, int64_t number)
{
	if (!o->def && number == o->unset) {
		return;
	}
	char *text = mem_printf("%" PRId64 "%s", number, o->kind == OPT_KIND_DURATION ? "ms" : "");
	put(w, o, text);
	mem_free(text);
}

static void put_option(const struct words *w, const struct opt *o, const void *member)
{
	const struct opt_list *list = member;
	int choice;
	switch (o->kind) {
	case OPT_KIND_BOOL:
		if (*(const bool *)member) {
			put(w, o, NULL);
		}
		break;
	case OPT_KIND_COUNT:
		for (int i = 0; i < *(const int *)member; i++) {
			put(w, o, NULL);
		}
		break;
	case OPT_KIND_STR:
		if (*(const char *const *)member) {
			put(w, o, *(const char *const *)member);
		}
		break;
	case OPT_KIND_LIST:
		for (size_t i = 0; i < list->count; i++) {
			put(w, o, list->items[i]);
		}
		break;
	case OPT_KIND_CHOICE:
		choice = *(const int *)member;
		if (choice >= 0) {
			put(w, o, o->choices[choice]);
		}
		break;
	case OPT_KIND_I32:
		put_number(w, o, *(const int32_t *)member);
		break;
	default:
		put_number(w, o, *(const int64_t *)member);
	}
}

void opts_words(const struct opt *opts, const void *args, void (*emit)(void *arg, const char *word),
	void *arg)
{
	struct words w = {emit, arg};
	for (const struct opt *o = opts; o && o->kind != OPT_KIND_END; o++) {
		put_option(&w, o, (const char *)args + o->pos);
	}
}
