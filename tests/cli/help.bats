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

@test "help on a terminal opens the manual page, where it is installed" {
	need man
	[ -e "$top_builddir/man/made" ] || skip "no pages in this build"
	mkdir -p "$TMP/man/man1"
	cp "$top_builddir"/man/*.1 "$TMP/man/man1"
	on_terminal() { MANPATH=$1 MANPAGER=cat PAGER=cat TERM=dumb script -qec "$WEIR $2" /dev/null </dev/null; }
	has "$(on_terminal "$TMP/man" "help topic create")" "WEIR-TOPIC-CREATE(1)"
	has "$(on_terminal "$TMP/man" "topic create --help")" "WEIR-TOPIC-CREATE(1)"
	has "$(on_terminal "$TMP/man" help)" "WEIR(1)"
	has "$(on_terminal "$TMP/none" "help topic create")" "Usage: weir topic create"
	has "$(on_terminal "$TMP/man" "topic create -h")" "Usage: weir topic create"
}

@test "help settings is a configuration that changes nothing" {
	$WEIR help settings >"$TMP/f"
	has "$(cat "$TMP/f")" "#num.partitions=1"
	both $WEIR broker --ephemeral -F "$TMP/f" -- true
	is 0 "$status"
	is "" "$err"
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
	$WEIR help --json | jq -e '[.environment, .client_properties, .exit_statuses, .options] |
		all(length > 3)' >/dev/null
	is number "$($WEIR help error --json | jq -r '.columns[0].kind')"
	$WEIR help error --json | jq -e '.path == "error"' >/dev/null
	$WEIR help error -O json | jq -e '.path == "error"' >/dev/null
}
