#!/usr/bin/env bash
# The layout of every C file is what .clang-format says.
set -euo pipefail
cd "$top_srcdir"
mapfile -t files < <(find core broker cli tests -name '*.[ch]' | sort)
[ ${#files[@]} -gt 0 ] || { echo "no file seen"; exit 1; }
if ! wrong=$(clang-format --dry-run -Werror "${files[@]}" 2>&1); then
	grep 'error:' <<<"$wrong" | head -40
	echo 'to mend it: clang-format -i FILE...'
	exit 1
fi
