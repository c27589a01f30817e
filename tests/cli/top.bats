#!/usr/bin/env bats
# weir top: the numbers of its tables, and a screen that gives the terminal back.
# ways: broker dir
load common
load broker

local_setup() {
	need jq
	start_way a:3 b:1
	seq 1000 | $WEIR produce a
}

local_teardown() {
	stop_way
}

@test "a table in a pipe: sums of offsets, sizes, rates" {
	$WEIR top -i 100ms -O json >"$TMP/json"
	jq -e '.[] | select(.kind == "topic" and .name == "a") | .records == 1000 and .records_per_s == 0
		and .bytes > 0 and .partitions == 3' "$TMP/json"
	jq -e '[.[] | select(.kind == "broker")] | length == 1 and .[0].partitions == 4' "$TMP/json"
	is "a
b" "$($WEIR top -i 100ms --no-header | awk '$1 == "topic" { print $2 }')"
	is "b" "$($WEIR top b -i 100ms --no-header | awk '$1 == "topic" { print $2 }')"
}

@test "as many tables as asked for" {
	is 3 "$($WEIR top b -i 100ms -c 3 --no-header | grep -c '^topic')"
}

@test "a topic that grows has a rate" {
	only_way broker
	(for i in $(seq 10); do seq 100; sleep 0.1; done | $WEIR produce b) 3>&- &
	local producer=$!
	$WEIR top b -i 600ms -O json | jq -e '.[] | select(.name == "b") | .records_per_s > 0'
	wait $producer
}

@test "a topic that is not there" {
	both $WEIR top nope
	is 6 "$status"
	has "$err" 'no topic "nope"'
	both $WEIR top -i 1ms
	is 2 "$status"
}

@test "on a terminal: the screen, q gives it back" {
	screen=$(printf 'q' | timeout 20 script -qec "stty cols 100 rows 20; $WEIR top; stty -a | grep -o ' icanon'" /dev/null)
	has "$screen" $'\x1b[?1049h'
	has "$screen" "weir top  cluster"
	has "$screen" $'\x1b[?1049l'
	has "$screen" " icanon"
	screen=$(timeout 20 script -qec "stty cols 40 rows 8; $WEIR top -c 1 -i 100ms" /dev/null </dev/null)
	has "$screen" "TOPIC"
}
