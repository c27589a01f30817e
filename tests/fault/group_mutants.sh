#!/usr/bin/env bash
# Builds the group coordinator with each fault of broker/group/mutant.h in turn: the model test has
# to find every one. Run by "make model", which sets CC, CFLAGS and LIBS.
set -euo pipefail
cd "$top_builddir"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sources=()
for file in "$top_srcdir"/broker/group/*.c; do
	case $file in
	*/call.c | */load.c | */resolve.c | */runner.c) ;; # the world around the coordinator: the test is its own
	*) sources+=("$file") ;;
	esac
done
count=$(grep -ho 'MUTANT([0-9]*)' "$top_srcdir"/broker/group/*.c | tr -dc '0-9\n' | sort -n | tail -1)
missed=0
for ((n = 1; n <= count; n++)); do
	# shellcheck disable=SC2086
	$CC $CFLAGS -O1 -w -DWEIR_MUTANT=$n -include config.h -I. -I"$top_srcdir" \
		"$top_srcdir"/tests/unit/{test_group_model,group_client,group_world}.c "${sources[@]}" -o "$work/mutant" $LIBS
	if "$work/mutant" 1 20000 >"$work/out"; then
		echo "mutant $n: not found"
		missed=1
	else
		echo "mutant $n: $(tail -1 "$work/out")"
	fi
done
exit $missed
