#!/usr/bin/env bats
load common

@test "help lists every command" {
	need jq
	text=$($WEIR help)
	while read -r path; do has "$text" "  $path "; done < <(all_commands)
}

@test "help COMMAND has all options" {
	text=$($WEIR help error)
	has "$text" "--no-header"
	is "$text" "$($WEIR error --help)"
}

@test "help exit" {
	need jq
	has "$($WEIR help exit)" $'3\tcannot connect'
	is 141 "$($WEIR help exit -O json | jq '.[-1].status')"
}

@test "help on what is not there" {
	both $WEIR help errr
	is 2 "$status"
	has "$err" 'did you mean "weir help error"?'
}

@test "help --json is one object" {
	need jq
	$WEIR help --json | jq -e '.commands | length > 2' >/dev/null
	$WEIR help error --json | jq -e '.path == "error"' >/dev/null
	$WEIR help error -O json | jq -e '.path == "error"' >/dev/null
}
