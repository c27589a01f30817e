/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/command.h"

#include "core/base/mem.h"

#include <string.h>

#define COMMAND(name) extern const struct command cmd_##name;
#include "cli/commands.def"
#undef COMMAND

const struct command *const commands[] = {
#define COMMAND(name) &cmd_##name,
#include "cli/commands.def"
#undef COMMAND
	NULL,
};

/* How path goes on behind the words: "" at its end, NULL when it does not begin with them. */
static const char *after(const char *path, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(words[i]);
		if (len == 0 || strncmp(path, words[i], len) != 0) {
			return NULL;
		}
		path += len;
		if (*path == ' ') {
			path++;
		} else if (*path != '\0' || i + 1 < count) {
			return NULL;
		}
	}
	return path;
}

const struct command *command_find(const char *const *words, size_t count)
{
	for (size_t i = 0; commands[i]; i++) {
		const char *rest = after(commands[i]->path, words, count);
		if (rest && *rest == '\0') {
			return commands[i];
		}
	}
	return NULL;
}

bool command_is_group(const char *const *words, size_t count)
{
	for (size_t i = 0; commands[i]; i++) {
		const char *rest = after(commands[i]->path, words, count);
		if (rest && *rest != '\0') {
			return true;
		}
	}
	return false;
}

const struct column *command_columns(const struct command *command)
{
	if (!command->columns_of) {
		return command->columns;
	}
	void *args = mem_new(command->args_size);
	opts_set_defaults(command->opts, args);
	const struct column *columns = command->columns_of(args);
	opts_fini(command->opts, args);
	mem_free(args);
	return columns;
}
