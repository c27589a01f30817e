#!/usr/bin/env bats
load common

@test "by code and by name" {
	is "$($WEIR error 3)" "$($WEIR error unknown_topic_or_partition)"
	has "$($WEIR error --no-header 3)" $'3\tUNKNOWN_TOPIC_OR_PARTITION\ttrue\t6\t'
}

@test "the list is valid in every form" {
	need jq
	lines=$($WEIR error list --no-header -O tsv | wc -l)
	[ "$lines" -gt 130 ]
	is "$lines" "$($WEIR error list -O json | jq length)"
	is "$lines" "$($WEIR error list -O jsonl | wc -l)"
	is "$lines" "$($WEIR error list -O jsonl | jq -c . | wc -l)"
	is $((lines + 1)) "$($WEIR error list | wc -l)"
}

@test "unknown: exit 6 and the nearest" {
	both $WEIR error UNKNOWN_TOPIC_OR_PARTITON
	is 6 "$status"
	is "" "$out"
	has "$err" "did you mean UNKNOWN_TOPIC_OR_PARTITION?"
	both $WEIR error
	is 2 "$status"
	has "$err" "list|CODE|NAME"
}
