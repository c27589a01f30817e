#!/usr/bin/env bats
# ways: broker dir
# -O of every command that prints a table, on a terminal and in a pipe.
load common
load broker

local_setup() {
	start_way t:1
	cd "$TMP"
	printf "[topic t]\npartitions = 2\nretention.ms = 5\n" >f
}
local_teardown() { stop_way; }

tables=("topic list" "topic describe t" "topic describe t --partitions" "topic describe t -ca"
	"topic offsets t" "topic create u --dry-run" "topic delete t --dry-run"
	"topic alter t -c retention.ms=5 --dry-run" "topic add-partitions t -p 2 --dry-run"
	"topic trim t -o start --dry-run" "topic clone t u --dry-run" "cluster health" "topic apply f"
	"config get topic:t" "config set topic:t retention.ms=1 --dry-run"
	"config show" "cluster info" "error 3")

@test "json, jsonl and tsv say the same, as the schema says" {
	need jq
	for args in "${tables[@]}"; do
		$WEIR $args -O json >"$TMP/json"
		$WEIR $args -O jsonl >"$TMP/jsonl"
		$WEIR $args -O tsv >"$TMP/tsv"
		$WEIR $args -O schema >"$TMP/schema"
		is "$(cat "$TMP/tsv")" "$($WEIR $args)"
		is "$(tail -n +2 "$TMP/tsv")" "$($WEIR $args --no-header)"
		# Rows, names and types of all forms agree.
		jq -en --slurpfile json "$TMP/json" --slurpfile lines "$TMP/jsonl" \
			--slurpfile schema "$TMP/schema" --rawfile tsv "$TMP/tsv" '
			($schema[0].items.properties) as $columns | $json[0] as $rows |
			($tsv | rtrimstr("\n") | split("\n")) as $text |
			$rows == $lines and ($text | length) == ($rows | length) + 1 and
			($text[0] | split("\t")) == ($columns | keys_unsorted) and
			all($rows[]; keys_unsorted == ($columns | keys_unsorted)) and
			all($rows[] | to_entries[]; $columns[.key].type as $may |
				(.value | type) as $is | $may | index($is) != null or
				($is == "number" and index("integer") != null))' >/dev/null || {
			echo "$args: forms differ"
			cat "$TMP/json" "$TMP/jsonl" "$TMP/tsv" "$TMP/schema"
			return 1
		}
	done
}

@test "| head -1 is silent" {
	for args in "${tables[@]}"; do
		status=0
		{ $WEIR $args 2>"$TMP/stderr" || status=$?; echo $status >"$TMP/status"; } | head -1 >/dev/null
		case $(cat "$TMP/status") in 0 | 141) ;; *) cat "$TMP/status"; false ;; esac
		is "" "$(cat "$TMP/stderr")"
	done
}

@test "a table fits a terminal: aligned, cut, no tabs, no colour when asked" {
	command -v script >/dev/null || skip "no script"
	TERM=xterm script -qec "stty cols 60; $WEIR topic describe t" /dev/null </dev/null | tr -d '\r' >"$TMP/tty"
	grep -q $'\e\\[1m' "$TMP/tty"
	is 60 "$(sed 's/\x1b\[[0-9]*m//g' "$TMP/tty" | awk '{ if (length > n) n = length } END { print n }')"
	! grep -q $'\t' "$TMP/tty"
	# Bad results are red, a plan yellow; the columns stay aligned.
	TERM=xterm script -qec "$WEIR topic delete --dry-run t nope" /dev/null </dev/null | tr -d '\r' >"$TMP/tty"
	grep -q $'\e\\[31mfailed\e\\[0m' "$TMP/tty"
	grep -q $'\e\\[33mwould delete\e\\[0m' "$TMP/tty"
	NO_COLOR=1 TERM=xterm script -qec "$WEIR topic list" /dev/null </dev/null >"$TMP/tty"
	! grep -q $'\e' "$TMP/tty"
	TERM=dumb script -qec "$WEIR topic list" /dev/null </dev/null >"$TMP/tty"
	! grep -q $'\e' "$TMP/tty"
	TERM=xterm script -qec "$WEIR topic list --color never" /dev/null </dev/null >"$TMP/tty"
	! grep -q $'\e' "$TMP/tty"
}
