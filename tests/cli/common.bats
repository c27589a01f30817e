#!/usr/bin/env bats
# What holds for every command.
load common

@test "every command has -h with examples" {
	need jq
	while read -r path; do
		both $WEIR $path -h
		is 0 "$status"
		is "" "$err"
		has "$out" "weir $path: "
		has "$out" "Examples:"
		has "$out" "Usage: weir $path"
	done < <(all_commands)
}

@test "every command refuses an unknown option with exit 2" {
	need jq
	while read -r path; do
		both $WEIR $path --no-such-option
		is 2 "$status"
		is "" "$out"
		has "$err" "weir: $path: unknown option --no-such-option"
	done < <(all_commands)
}

@test "every command prints a JSON schema" {
	need jq
	while read -r path; do
		both $WEIR $path -O schema
		is 0 "$status"
		jq -e . <<<"$out" >/dev/null
		is "" "$(jq -r '.items?.properties? // {} | to_entries[] |
			select(.value.description // "" | endswith(".") | not) | .key' <<<"$out")"
	done < <(all_commands)
}

@test "no option of a command takes a letter or name of the global ones" {
	need jq
	clash=$($WEIR help --json | jq -r '
		[.options[] | .letter, .name] as $global
		| .commands[] | .path as $p | .options[] | .letter, .name
		| select(. != null) | select(. as $x | $global | index($x)) | "\($p): \(.)"')
	is "" "$clash"
}

@test "help texts are sentences" {
	need jq
	bad=$($WEIR help --json | jq -r '
		[.options[], .commands[].options[]] | .[].help, empty | select(endswith(".") | not)')
	is "" "$bad"
	bad=$($WEIR help --json | jq -r '.commands[] | .summary, (.examples[].text)
		| select(endswith(".") | not)')
	is "" "$bad"
}

@test "unknown command: exit 2 and the nearest one" {
	both $WEIR eror list
	is 2 "$status"
	is "" "$out"
	is 'weir: unknown command "eror"
  hint: did you mean "error"?' "$err"
	both $WEIR zzzzzz
	is 2 "$status"
	has "$err" '"weir help" lists the commands'
}

@test "no command: exit 2, nothing on stdout" {
	both $WEIR
	is 2 "$status"
	is "" "$out"
	has "$err" "no command given"
}

@test "unknown option: the nearest one, no abbreviations" {
	both $WEIR error --outptu json list
	is 2 "$status"
	has "$err" "did you mean --output?"
	both $WEIR error --outp json list
	is 2 "$status"
	both $WEIR error list -O xml
	is 2 "$status"
	has "$err" '--output: "xml" is none of text, json, jsonl, tsv, schema'
	both $WEIR error list -O
	is 2 "$status"
	has "$err" "--output needs a value: FORM"
}

@test "options may stand anywhere, -- ends them" {
	is "$($WEIR error 3 -O json)" "$($WEIR -O json error 3)"
	is "$($WEIR error 3 -O json)" "$($WEIR error -Ojson 3)"
	is "$($WEIR error 3 -O json)" "$($WEIR error --output=json -- 3)"
	both $WEIR error -- -O
	is 6 "$status"
	is "$($WEIR error -- -1)" "$($WEIR error -1)"
}

@test "errors with -O json are one object on stderr" {
	need jq
	both $WEIR error no_such_name -O json
	is 6 "$status"
	is "" "$out"
	is 6 "$(jq .error.exit <<<"$err")"
	is NOT_FOUND "$(jq -r .error.name <<<"$err")"
	both $WEIR error list --nope -O json
	is 2 "$status"
	is 2 "$(jq .error.exit <<<"$err")"
	both $WEIR error -O json $'\xff\x1b'
	is 6 "$status"
	jq -e .error <<<"$err" >/dev/null
}

@test "control bytes in errors are escaped" {
	both $WEIR error $'a\x1b[2Jb'
	is 6 "$status"
	has "$err" 'a\x1b[2Jb'
}

@test "a full disk is a failing exit" {
	[ -c /dev/full ] || skip "no /dev/full"
	for args in "error list" "help" "help --json" "completion bash" "-V" "error -h"; do
		status=0
		$WEIR $args >/dev/full 2>"$TMP/stderr" || status=$?
		is 1 "$status"
		has "$(cat "$TMP/stderr")" "cannot write standard output: No space left on device"
	done
}

@test "closed standard output is a failing exit" {
	status=0
	$WEIR error list >&- 2>"$TMP/stderr" || status=$?
	is 1 "$status"
	has "$(cat "$TMP/stderr")" "cannot write standard output"
}

@test "a reader that goes away: death by SIGPIPE, silent" {
	{
		sleep 0.3
		status=0
		$WEIR error list 2>"$TMP/stderr" || status=$?
		echo "$status" >"$TMP/status"
	} | true
	is 141 "$(cat "$TMP/status")"
	is "" "$(cat "$TMP/stderr")"
	# Also where the parent ignores the signal.
	(
		trap '' PIPE
		{
			sleep 0.3
			status=0
			$WEIR error list 2>"$TMP/stderr" || status=$?
			echo "$status" >"$TMP/status"
		} | true
	)
	is 141 "$(cat "$TMP/status")"
	is "" "$(cat "$TMP/stderr")"
}

@test "-V prints the version" {
	both $WEIR -V
	is 0 "$status"
	[[ $out =~ ^weir\ [0-9]+\.[0-9]+ ]]
}

@test "the first errors of a newcomer say what to do" {
	# Only where nothing listens on the usual port.
	if ! (exec 9<>/dev/tcp/127.0.0.1/9092) 2>/dev/null; then
		both $WEIR topic list --timeout 1s
		is 3 "$status"
		has "$err" '"weir broker" starts one here'
	fi
	both $WEIR topic list -b 127.0.0.1:1 --timeout 1s
	has "$err" '"weir doctor" looks at every step'
	both $WEIR topc list
	has "$err" 'did you mean "topic"?'
	both $WEIR error 999
	has "$err" 'weir error list'
}
