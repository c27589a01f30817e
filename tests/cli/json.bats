#!/usr/bin/env bats
# -O json of every command, by the examples that the commands have.
load common
load broker
load man_world

@test "what every command prints with -O json is JSON" {
	failed=0 count=0
	while IFS= read -r line <&7; do
		# Only what a shell takes as one command, and what has no form of its own.
		[[ $line =~ ^weir\ [^\|\;\&\<\>\$]*$ ]] || continue
		[[ ! $line =~ $forever && ! $line =~ $asks ]] || continue
		[[ ! $line =~ \ ([^ ]*file:[a-z]+|-O|-f|-[a-zA-Z]*J|--batches|--definition|--man|--plot|kcat|shell|--|settings)(\ |$) ]] || continue
		count=$((count + 1))
		run_example "$line -O json" 7>&- 2>/dev/null || { failed=$((failed + 1)); continue; }
		jq -es . "$TMP/out" >/dev/null 2>&1 || { echo "$line"; head -c 300 "$TMP/out"; failed=$((failed + 1)); }
	done 7< <($WEIR help --json | jq -r '.commands[].examples[].line')
	echo "$count examples"
	[ $count -gt 40 ]
	[ $failed -eq 0 ]
}
