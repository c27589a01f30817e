#!/usr/bin/env bash
# Each header compiles alone and says what it is.
set -euo pipefail
cd "$top_srcdir"
bad=0 seen=0
while read -r h; do
	seen=$((seen + 1))
	${CC:-cc} -std=c11 -fsyntax-only -include "$top_builddir/config.h" -I. -I"$top_builddir" -x c - <<<"#include \"$h\"" || bad=1
	grep -q '^#pragma once' "$h" || { echo "$h: no #pragma once"; bad=1; }
	grep -q '^/\* SPDX' "$h" || { echo "$h: no SPDX line"; bad=1; }
done < <(find core broker cli -name '*.h' | sort)
[ $seen -gt 0 ] || { echo "no header seen"; exit 1; }
exit $bad
