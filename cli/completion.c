/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The shells ask "weir complete" for candidates; their scripts only fit the words to the shell:
 * what separates words for bash, what each shell calls files and folders, and that a word which
 * ends with '=' or ':' goes on.
 */
#include "cli/command.h"
#include "cli/json.h"
#include "core/base/near.h"

#include <string.h>

static const struct example examples[] = {
	{"source <(weir completion bash)", "Turns completion on in a running bash."},
	{"weir completion zsh > ~/.zfunc/_weir", "Turns it on in zsh, given a folder of $fpath."},
	{"weir completion fish > ~/.config/fish/completions/weir.fish", "Turns it on in fish."},
	{NULL, NULL},
};

static enum weir_code completion_run(void *args, struct ctx *ctx, struct weir_err *err);

const struct command cmd_completion = {
	.path = "completion",
	.summary = "Prints a completion script for a shell.",
	.details = "Commands, options, values, topics, groups and settings complete.",
	.positional = "bash|zsh|fish",
	.positional_min = 1,
	.positional_max = 1,
	.schema = "{\"type\":\"object\",\"required\":[\"shell\",\"script\"]}",
	.examples = examples,
	.run = completion_run,
};

/* bash splits words at '=' and ':' too and replaces only what stands behind the last of them. */
static const char bash_script[] =
	"# bash completion for weir\n"
	"_weir() {\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} words=() cur before= word help\n"
	"\tread -ra words <<<\"$line\"\n"
	"\tcase $line in *[[:space:]]) words+=('') ;; esac\n"
	"\tcur=${words[${#words[@]} - 1]}\n"
	"\tcase $cur in *[=:]*) before=${cur%\"${cur##*[=:]}\"} ;; esac\n"
	"\tCOMPREPLY=()\n"
	"\twhile IFS=$'\\t' read -r word help; do\n"
	"\t\tcase $word in\n"
	"\t\t:files | :folders)\n"
	"\t\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\t\tlocal kind=-f\n"
	"\t\t\t[ \"$word\" = :files ] || kind=-d\n"
	"\t\t\twhile IFS= read -r word; do COMPREPLY+=(\"$word\"); done < <(\n"
	"\t\t\t\tcompgen $kind -- \"${cur#\"$before\"}\")\n"
	"\t\t\t;;\n"
	"\t\t*)\n"
	"\t\t\tcase $word in *[=:]) compopt -o nospace 2>/dev/null ;; esac\n"
	"\t\t\tCOMPREPLY+=(\"${word#\"$before\"}\")\n"
	"\t\t\t;;\n"
	"\t\tesac\n"
	"\tdone < <(\"${words[0]}\" complete --no-header -- \"${words[@]:1}\" 2>/dev/null)\n"
	"}\n"
	"complete -F _weir weir\n";

static const char zsh_script[] =
	"#compdef weir\n"
	"_weir() {\n"
	"\tlocal -a whole open\n"
	"\tlocal word help\n"
	"\twhile IFS=$'\\t' read -r word help; do\n"
	"\t\tcase $word in\n"
	"\t\t:files) _files && return ;;\n"
	"\t\t:folders) _files -/ && return ;;\n"
	"\t\t*[=:]) open+=(\"${word//:/\\\\:}:$help\") ;;\n"
	"\t\t*) whole+=(\"${word//:/\\\\:}:$help\") ;;\n"
	"\t\tesac\n"
	"\tdone < <(${(Q)words[1]} complete --no-header -- \"${(@Q)words[2,CURRENT]}\" "
	"2>/dev/null)\n"
	"\t_describe -t weir weir whole -- open -S ''\n"
	"}\n"
	"if [ \"$funcstack[1]\" = _weir ]; then _weir \"$@\"; else compdef _weir weir; fi\n";

static const char fish_script[] =
	"# fish completion for weir\n"
	"function __weir_complete\n"
	"\tset -l words (commandline -opc) (commandline -ct)\n"
	"\tfor line in ($words[1] complete --no-header -- $words[2..-1] 2>/dev/null)\n"
	"\t\tswitch $line\n"
	"\t\t\tcase ':files*'\n"
	"\t\t\t\t__fish_complete_path (commandline -ct)\n"
	"\t\t\tcase ':folders*'\n"
	"\t\t\t\t__fish_complete_directories (commandline -ct)\n"
	"\t\t\tcase '*'\n"
	"\t\t\t\techo $line\n"
	"\t\tend\n"
	"\tend\n"
	"end\n"
	"complete -c weir -f -a '(__weir_complete)'\n";

static const struct {
	const char *shell, *script;
} scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

static enum weir_code completion_run(void *args, struct ctx *ctx, struct weir_err *err)
{
	(void)args;
	struct near near;
	near_init(&near, ctx->words[0]);
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		near_offer(&near, scripts[i].shell);
		if (strcmp(scripts[i].shell, ctx->words[0]) != 0) {
			continue;
		}
		if (ctx->globals.output == OUTPUT_JSON || ctx->globals.output == OUTPUT_JSONL) {
			json_print(&ctx->out, json_pack("{s:s, s:s}", "shell", scripts[i].shell,
						      "script", scripts[i].script));
			out_byte(&ctx->out, '\n');
		} else {
			out_str(&ctx->out, scripts[i].script);
		}
		return WEIR_OK;
	}
	hint_set(&ctx->hint, near.best ? "did you mean %s?" : "one of bash, zsh, fish", near.best);
	return err_set(err, WEIR_USAGE, "no completion for \"%s\"", ctx->words[0]);
}
