#!/usr/bin/env bash
# Files stay under 1,000 lines (600 warns), functions under 70.
set -euo pipefail
cd "$top_srcdir"
bad=0
mapfile -t files < <(find core broker cli tests -name '*.[ch]' | sort)
[ ${#files[@]} -gt 0 ] || { echo "no file seen"; exit 1; }
for f in "${files[@]}"; do
	n=$(wc -l <"$f")
	[ "$n" -le 600 ] || echo "note: $f has $n lines"
	[ "$n" -le 1000 ] || { echo "$f has $n lines, more than 1000"; bad=1; }
done
awk '
	FNR == 1 { start = 0 }
	/^\{/ && !start { start = FNR }
	/^\}/ && start { if (FNR - start > 70) { printf "%s:%d: function of %d lines\n", FILENAME, start, FNR - start; bad = 1 } start = 0 }
	END { exit bad }
' "${files[@]}" || bad=1
exit $bad
