#!/usr/bin/env bash
# The manual pages: one a command, mandoc finds nothing to say of them, and every page that one refers
# to is there.
set -euo pipefail
cd "$top_builddir"
[ -e man/made ] || exit 77 # cross build
status=0
while read -r path; do
	[ -s "man/weir-${path// /-}.1" ] || { echo "no page for: weir $path"; status=1; }
done < <("$WEIR" help | sed -n 's/^  \([a-z][a-z -]*[a-z]\)  *[A-Z].*/\1/p')
for ref in $(sed -n 's/^\.\(It \)\{0,1\}Xr \(weir[a-z.-]*\) \([15]\).*/\2.\3/p' man/*.[15] "$top_srcdir"/man/*.7 | sort -u); do
	[ -e "man/$ref" ] || { echo "no page $ref, but another refers to it"; status=1; }
done
command -v mandoc >/dev/null || { [ $status -eq 0 ] && exit 77; exit $status; }
for page in man/*.[15] "$top_srcdir"/man/*.7; do
	# Where the pages are not installed mandoc does not find those that they refer to.
	mandoc -T lint "$page" | grep -v 'referenced manual not found' && status=1
done
exit $status
