#!/usr/bin/env bash
# Calls with a safer form in core/base, and printing or exiting below cli.
set -euo pipefail
cd "$top_srcdir"
bad=0
ban() { # PATTERN WHY ROOMS... ; files named in $except are left out
	local pattern=$1 why=$2
	shift 2
	if grep -rnE "(^|[^A-Za-z0-9_.>])($pattern)[[:space:]]*\(" --include='*.[ch]' "$@" | grep -vE "^(${except:-none}):"; then
		echo "banned: $why"
		bad=1
	fi
}
except=none ban 'strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|alloca|system|popen|localtime|gmtime|asctime' \
	'use the sized, reentrant or core/base form' core broker cli
except='core/base/mem.c' ban 'malloc|calloc|realloc|free|strdup|strndup|asprintf' 'use core/base/mem.h' core broker cli
except='core/base/err.c' ban 'printf|fprintf|puts|fputs|putchar|perror|exit|_exit|abort' 'only cli prints or exits' core broker
exit $bad
