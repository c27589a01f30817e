/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/help_text.h"

#include "cli/command.h"
#include "cli/report.h"
#include "core/conf/export.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

/* "-p, --partitions N" */
static void option_head(const struct opt *opt, char *text, size_t room)
{
	char letter[8] = "    ";
	if (opt->letter) {
		snprintf(letter, sizeof(letter), "-%c, ", opt->letter);
	}
	if (!opt_takes_value(opt)) {
		snprintf(text, room, "%s--%s", letter, opt->name);
	} else if (opt->bare) {
		snprintf(text, room, "%s--%s[=%s]", letter, opt->name, opt->arg);
	} else {
		snprintf(text, room, "%s--%s %s", letter, opt->name, opt->arg);
	}
}

void help_print_options(struct out *out, const struct opt *opts)
{
	int widest = 0;
	char head[80];
	for (const struct opt *o = opts; o && o->kind != OPT_KIND_END; o++) {
		option_head(o, head, sizeof(head));
		int len = (int)strlen(head);
		widest = len > widest && len <= 32 ? len : widest;
	}
	for (const struct opt *o = opts; o && o->kind != OPT_KIND_END; o++) {
		option_head(o, head, sizeof(head));
		out_printf(out, "  %-*s  %s", widest, head, o->help);
		for (int i = 0; o->kind == OPT_KIND_CHOICE && o->choices[i]; i++) {
			out_printf(out, "%s%s", i ? ", " : " One of ", o->choices[i]);
		}
		if (o->def) {
			out_printf(out, " (default %s)", o->def);
		}
		if (o->env) {
			out_printf(out, " [$%s]", o->env);
		}
		out_byte(out, '\n');
	}
}

static void print_command(struct out *out, const struct command *c, bool in_full)
{
	out_printf(out, "weir %s: %s\n", c->path, c->summary);
	if (c->details && in_full) {
		out_printf(out, "%s\n", c->details);
	}
	out_str(out, "\nExamples:\n");
	for (const struct example *e = c->examples; e && e->line; e++) {
		out_printf(out, "  %s\n      %s\n", e->line, e->text);
	}
	out_printf(out, "\nUsage: weir %s [OPTIONS]%s%s%s%s\n", c->path, c->positional ? " " : "",
		c->positional ? c->positional : "", c->rest ? " -- " : "", c->rest ? c->rest : "");
	if (c->opts && c->opts->kind != OPT_KIND_END) {
		out_str(out, "\nOptions:\n");
		help_print_options(out, c->opts);
	}
	if (in_full) {
		out_str(out, "\nOptions of every command:\n");
		help_print_options(out, global_opts);
	} else {
		out_str(out, "\n\"weir help options\" has the options of every command.\n");
	}
}

static bool begins(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);
	return !len || (strncmp(path, prefix, len) == 0 && (path[len] == ' ' || !path[len]));
}

static void print_list(struct out *out, const char *prefix)
{
	if (!*prefix) {
		out_printf(out,
			"weir %s: a Kafka-compatible broker, and commands for any Kafka.\n\n",
			PACKAGE_VERSION);
	}
	out_printf(out, "Usage: weir %s%sCOMMAND [OPTIONS] [ARGUMENTS]\n\n", prefix,
		*prefix ? " " : "");
	int widest = 0;
	for (size_t i = 0; commands[i]; i++) {
		int len = (int)strlen(commands[i]->path);
		widest = begins(commands[i]->path, prefix) && len > widest ? len : widest;
	}
	for (size_t i = 0; commands[i]; i++) {
		if (begins(commands[i]->path, prefix)) {
			out_printf(out, "  %-*s  %s\n", widest, commands[i]->path,
				commands[i]->summary);
		}
	}
	out_str(out, "\n\"weir help COMMAND\" has more; so have \"weir help options\" and "
		     "\"weir help exit\".\n");
}

void help_print_exit(struct ctx *ctx)
{
	static const struct column columns[] = {
		{"status", COLUMN_NUMBER, NULL}, {"meaning", COLUMN_TEXT, NULL}, {NULL, 0, NULL}};
	struct table *table = table_new(ctx, columns);
	for (const struct exit_status *e = exit_statuses; e->text; e++) {
		table_number(table, e->status);
		table_text(table, e->text);
	}
	table_end(&table);
}

void help_print_settings(struct out *out)
{
	struct buf sample;
	buf_init(&sample, 0);
	conf_export_sample(&sample);
	out_bytes(out, sample.data, sample.len);
	buf_fini(&sample);
}

bool help_open_page(struct ctx *ctx, const char *page)
{
	struct weir_err err;
	if (out_flush(&ctx->out, &err) != WEIR_OK) {
		return true;
	}
	char man[] = "man", name[80];
	snprintf(name, sizeof(name), "%s", page);
	char *argv[] = {man, name, NULL};
	posix_spawn_file_actions_t actions;
	if (posix_spawn_file_actions_init(&actions) != 0) {
		return false;
	}
	pid_t pid;
	int status = -1;
	bool ready = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) == 0;
	if (ready && posix_spawnp(&pid, "man", &actions, NULL, argv, environ) == 0) {
		waitpid(pid, &status, 0);
	}
	posix_spawn_file_actions_destroy(&actions);
	return status == 0;
}

/* "weir-topic-create" */
static void page_of(const char *path, char *page, size_t room)
{
	snprintf(page, room, "weir%s%s", *path ? "-" : "", path);
	for (char *c = page; *c; c++) {
		*c = *c == ' ' ? '-' : *c;
	}
}

enum weir_code help_show(struct ctx *ctx, const struct command *command, const char *prefix,
	bool in_full, struct weir_err *err)
{
	if (ctx->globals.output == OUTPUT_JSON || ctx->globals.output == OUTPUT_JSONL) {
		help_print_json(&ctx->out, command);
		return WEIR_OK;
	}
	if (!command && *prefix && !command_is_group(&prefix, 1)) {
		return err_set(err, WEIR_USAGE, "no help on \"%s\"", prefix);
	}
	char page[80];
	page_of(command ? command->path : "", page, sizeof(page));
	if (in_full && ctx->out.tty && (command || !*prefix) && help_open_page(ctx, page)) {
		return WEIR_OK;
	}
	if (command) {
		print_command(&ctx->out, command, in_full);
	} else {
		print_list(&ctx->out, prefix);
	}
	return WEIR_OK;
}
