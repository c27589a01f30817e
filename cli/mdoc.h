/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables of the program as manual pages, in mdoc. What no table says is prose: man/build.sh
 * puts the parts of a file in man/prose to the places that mdoc_prose names.
 */
#pragma once

#include "cli/command.h"

/* Sentences, each on lines of its own, escaped and wrapped. */
void mdoc_text(struct out *out, const char *text);
/* One argument of a macro, escaped. */
void mdoc_word(struct out *out, const char *word);
/* A line of a literal display. */
void mdoc_literal(struct out *out, const char *line);
/* The place of the prose called name. */
void mdoc_prose(struct out *out, const char *name);
/* Head of a page, up to the line of its name; what: sentence that says what it is. */
void mdoc_head(struct out *out, const char *page, int section, const char *what);
/* A list of options with their meaning. */
void mdoc_options(struct out *out, const struct opt *opts);
/* Sections that several pages have; client: also what only commands meet that talk to a broker. */
void mdoc_environment(struct out *out, bool client);
void mdoc_exit_status(struct out *out, bool client);

/* Whole pages. */
void man_command(struct out *out, const struct command *command);
void man_weir(struct out *out);
void man_format(struct out *out);
void man_conf(struct out *out);
/* Prints weir.1 ("weir"), weir.conf.5 ("weir.conf"), weir-format.5 ("weir-format"); false for
 * another name. */
bool man_page(struct out *out, const char *name);
