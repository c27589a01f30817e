/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/client_keys.h"
#include "cli/command.h"
#include "cli/environment.h"
#include "cli/help_text.h"
#include "cli/json.h"
#include "cli/report.h"

static json_t *options_json(const struct opt *opts)
{
	static const char *const kinds[] = {"", "flag", "count", "integer", "integer", "size",
		"duration", "time", "text", "list", "choice"};
	json_t *list = json_array();
	for (const struct opt *o = opts; o && o->kind != OPT_KIND_END; o++) {
		char letter[2] = {o->letter, '\0'};
		json_t *row = json_pack("{s:s, s:s?, s:s, s:s?, s:s?, s:s?, s:s}", "name", o->name,
			"letter", o->letter ? letter : NULL, "kind", kinds[o->kind], "arg", o->arg,
			"default", o->def, "env", o->env, "help", o->help);
		if (o->kind == OPT_KIND_CHOICE) {
			json_t *choices = json_array();
			for (int i = 0; o->choices[i]; i++) {
				json_array_append_new(choices, json_string(o->choices[i]));
			}
			json_object_set_new(row, "choices", choices);
		}
		json_array_append_new(list, row);
	}
	return list;
}

static json_t *columns_json(const struct command *c)
{
	static const char *const kinds[] = {
		"text", "number", "bytes", "duration", "time", "bool", "numbers", "result"};
	const struct column *columns = command_columns(c);
	json_t *list = json_array();
	for (; columns && columns->name; columns++) {
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s?}", "name", columns->name, "kind",
				      kinds[columns->kind], "help", columns->help));
	}
	return list;
}

static json_t *environment_json(void)
{
	json_t *list = json_array();
	for (const struct env_var *v = env_vars; v->name; v++) {
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "name", v->name, "text", v->text));
	}
	return list;
}

static json_t *properties_json(void)
{
	json_t *list = json_array();
	for (const struct client_key *k = client_keys; k->name; k++) {
		json_array_append_new(list, json_pack("{s:s, s:s?, s:s}", "name", k->name,
						    "default", k->def, "help", k->doc));
	}
	return list;
}

static json_t *command_json(const struct command *c)
{
	json_t *examples = json_array();
	for (const struct example *e = c->examples; e && e->line; e++) {
		json_array_append_new(
			examples, json_pack("{s:s, s:s}", "line", e->line, "text", e->text));
	}
	return json_pack("{s:s, s:s, s:s?, s:s?, s:i, s:i, s:s?, s:b, s:o, s:o, s:o}", "path",
		c->path, "summary", c->summary, "details", c->details, "positional", c->positional,
		"positional_min", c->positional_min, "positional_max", c->positional_max, "rest",
		c->rest, "client", c->needs != NULL, "options", options_json(c->opts), "columns",
		columns_json(c), "examples", examples);
}

void help_print_json(struct out *out, const struct command *command)
{
	json_t *json;
	if (command) {
		json = command_json(command);
	} else {
		json_t *list = json_array(), *statuses = json_array();
		for (size_t i = 0; commands[i]; i++) {
			json_array_append_new(list, command_json(commands[i]));
		}
		for (const struct exit_status *e = exit_statuses; e->text; e++) {
			json_array_append_new(statuses,
				json_pack("{s:i, s:s}", "status", e->status, "text", e->text));
		}
		json = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "version", PACKAGE_VERSION,
			"options", options_json(global_opts), "environment", environment_json(),
			"client_properties", properties_json(), "exit_statuses", statuses,
			"commands", list);
	}
	json_print(out, json);
	out_byte(out, '\n');
}
