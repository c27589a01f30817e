#!/usr/bin/env bats
# Every example of every manual page, run as it stands there. It ends with 0.
load common
load broker
load man_world

@test "every example of every page runs" {
	failed=0 count=0
	for page in "$top_builddir"/man/*.[15]; do
		while IFS= read -r line <&7; do
			count=$((count + 1))
			run_example "$line" 7>&- || failed=$((failed + 1))
		done 7< <(examples "$page")
	done
	echo "$count examples"
	[ $count -gt 50 ]
	[ $failed -eq 0 ]
}
