/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/environment.h"

#include <stddef.h>

const struct env_var env_vars[] = {
	{"HOME", true, "Home directory, where XDG_CONFIG_HOME is not set."},
	{"NO_COLOR", false, "When set to anything, --color auto is --color never."},
	{"TERM", false, "When dumb, --color auto is --color never."},
	{"WEIR_BROKERS", true, "Brokers to ask first, where --brokers is not given."},
	{"WEIR_CONFIG", true,
		"File of client properties, where --config is not given. Without either it is "
		"weir/config in XDG_CONFIG_HOME, or in ~/.config, if that file is there."},
	{"WEIR_CONTEXT", true,
		"Context of the configuration file, where --context is not given; - stands for "
		"none."},
	{"WEIR_DIR", true, "Data directory to work on, where --dir is not given."},
	{"WEIR_PROPERTY", true,
		"Each client property, in capitals and with _ for each dot: WEIR_LINGER_MS is "
		"linger.ms."},
	{"XDG_CONFIG_HOME", true, "Directory of configuration files; ~/.config when not set."},
	{NULL, false, NULL},
};
