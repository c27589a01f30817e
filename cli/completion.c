/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"
#include "cli/json.h"

#include <string.h>

static const struct example examples[] = {
	{"source <(weir completion bash)", "Turns completion on in the running shell."},
	{"weir completion bash > /etc/bash_completion.d/weir", "Turns it on for everybody."},
	{NULL, NULL},
};

static enum weir_code completion_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_completion = {
	.path = "completion",
	.summary = "Prints a completion script for a shell.",
	.positional = "bash",
	.positional_min = 1,
	.positional_max = 1,
	.schema = "{\"type\":\"object\",\"required\":[\"shell\",\"script\"]}",
	.examples = examples,
	.run = completion_run,
};

static void put_options(struct buf *buf, const struct opt *opts)
{
	for (const struct opt *o = opts; o && o->kind != OPT_KIND_END; o++) {
		buf_printf(buf, " --%s", o->name);
		if (o->letter) {
			buf_printf(buf, " -%c", o->letter);
		}
	}
}

/* "case" arms that list the values of choices: pattern "--output|-O". */
static void put_choices(struct buf *buf, const struct opt *opts, const char *path)
{
	for (const struct opt *o = opts; o && o->kind != OPT_KIND_END; o++) {
		if (o->kind != OPT_KIND_CHOICE) {
			continue;
		}
		buf_printf(buf, "\t'%s '--%s", path, o->name);
		if (o->letter) {
			buf_printf(buf, "|'%s '-%c", path, o->letter);
		}
		buf_add_str(buf, ") words='");
		for (int i = 0; o->choices[i]; i++) {
			buf_printf(buf, "%s%s", i ? " " : "", o->choices[i]);
		}
		buf_add_str(buf, "' ;;\n");
	}
}

/* The words that may follow a path that is not whole yet: each group once. */
static void put_groups(struct buf *buf)
{
	for (size_t i = 0; commands[i]; i++) {
		const char *space = strchr(commands[i]->path, ' ');
		size_t len = space ? (size_t)(space - commands[i]->path) : 0;
		if (!len ||
			(i && strncmp(commands[i - 1]->path, commands[i]->path, len + 1) == 0)) {
			continue;
		}
		buf_printf(buf, "\t'%.*s') words='", (int)len, commands[i]->path);
		for (size_t k = i;
			commands[k] && strncmp(commands[k]->path, commands[i]->path, len + 1) == 0;
			k++) {
			buf_printf(buf, "%s ", commands[k]->path + len + 1);
		}
		buf_add_str(buf, "' ;;\n");
	}
}

static void put_firsts(struct buf *buf)
{
	for (size_t i = 0; commands[i]; i++) {
		size_t len = strcspn(commands[i]->path, " ");
		if (!i || strncmp(commands[i - 1]->path, commands[i]->path, len) != 0) {
			buf_printf(buf, "%.*s ", (int)len, commands[i]->path);
		}
	}
}

static void bash_script(struct buf *buf)
{
	buf_add_str(buf, "# bash completion for weir\n"
			 "_weir() {\n"
			 "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
			 "\tlocal path='' words='' i\n"
			 "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
			 "\t\tcase ${COMP_WORDS[i]} in -*) continue ;; esac\n"
			 "\t\tcase \"$path${path:+ }${COMP_WORDS[i]}\" in\n\t\t");
	for (size_t i = 0; commands[i]; i++) {
		const char *path = commands[i]->path;
		const char *space = strchr(path, ' ');
		buf_printf(buf, "%s'%s'", i ? "|" : "", path);
		if (space) {
			buf_printf(buf, "|'%.*s'", (int)(space - path), path);
		}
	}
	buf_add_str(buf, ") path=\"$path${path:+ }${COMP_WORDS[i]}\" ;;\n"
			 "\t\tesac\n"
			 "\tdone\n"
			 "\tcase \"$path $prev\" in\n");
	for (size_t i = 0; commands[i]; i++) {
		put_choices(buf, commands[i]->opts, commands[i]->path);
	}
	buf_add_str(buf, "\tesac\n\tcase $prev in\n");
	for (const struct opt *o = global_opts; o->kind != OPT_KIND_END; o++) {
		if (o->kind == OPT_KIND_CHOICE) {
			buf_printf(buf, "\t--%s", o->name);
			if (o->letter) {
				buf_printf(buf, "|-%c", o->letter);
			}
			buf_add_str(buf, ") words='");
			for (int i = 0; o->choices[i]; i++) {
				buf_printf(buf, "%s ", o->choices[i]);
			}
			buf_add_str(buf, "' ;;\n");
		}
	}
	buf_add_str(buf, "\tesac\n\t[ -n \"$words\" ] || case $path in\n\t'') words='");
	put_firsts(buf);
	put_options(buf, global_opts);
	buf_add_str(buf, "' ;;\n");
	put_groups(buf);
	for (size_t i = 0; commands[i]; i++) {
		buf_printf(buf, "\t'%s') words='", commands[i]->path);
		put_options(buf, commands[i]->opts);
		put_options(buf, global_opts);
		buf_add_str(buf, "' ;;\n");
	}
	buf_add_str(buf, "\tesac\n"
			 "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
			 "}\n"
			 "complete -o default -F _weir weir\n");
}

static enum weir_code completion_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	if (strcmp(ctx->words[0], "bash") != 0) {
		hint_set(&ctx->hint, "weir completion bash");
		return err_set(err, WEIR_USAGE, "no completion for \"%s\"", ctx->words[0]);
	}
	struct buf script;
	buf_init(&script, 0);
	bash_script(&script);
	if (ctx->globals.output == OUTPUT_JSON || ctx->globals.output == OUTPUT_JSONL) {
		json_print(&ctx->out,
			json_pack("{s:s, s:s}", "shell", "bash", "script", buf_str(&script)));
		out_byte(&ctx->out, '\n');
	} else {
		out_bytes(&ctx->out, script.data, script.len);
	}
	buf_fini(&script);
	return WEIR_OK;
}
