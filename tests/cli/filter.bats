#!/usr/bin/env bats
# ways: broker dir
# -G of consume and cat.
load common
load broker

local_setup() {
	start_way t:1 wide:20
}

local_teardown() {
	stop_way
}

@test "wish 8: filters without grep tricks, on several lines too" {
	printf 'one\nline\0two\nlines, error\0three' | $WEIR produce t -D '\0' -H kind=text
	is $'two\nlines, error' "$($WEIR cat t -G v:error)"
	is 'three' "$($WEIR cat t -G '!v:line')"
	is 3 "$($WEIR cat t -D '|' -G h=kind=text | tr -dc '|' | wc -c)"
	is 0 "$($WEIR cat t -G h:kind=number | wc -l)"
	is 1 "$($WEIR cat t -f '%i\n' -G v:error)"
}

@test "filters: by JSON paths, -c counts what passes" {
	seq 1 20 | sed 's/.*/{"id":&,"tags":["t&","x"]}/' | $WEIR produce t
	is '{"id":15,"tags":["t15","x"]}' "$($WEIR cat t -G '.tags[]==t15')"
	is "11 12 13" "$($WEIR cat t -G '.id>10' -c 3 | jq .id | xargs)"
	is "20" "$($WEIR cat t -G '.id>=5' -G '!.id<20' | jq .id | xargs)"
	both $WEIR cat t -G '.id>19' --require 2
	is 1 "$status"
}

@test "filters: an exact key reads only where clients put it, and finds it" {
	for i in 1 2 3; do seq 1 60 | sed "s/.*/& v$i/"; done | $WEIR produce wide -K ' '
	for k in 1 17 42 60; do
		is "v1 v2 v3" "$($WEIR cat wide -G "k=$k" | xargs)"
	done
	# What a producer put elsewhere by its own choice is found with -p all.
	for p in $(seq 0 19); do echo "{\"partition\":$p,\"key\":\"odd\",\"value\":$p}"; done |
		sed 's/"value":\(.*\)}/"value":"\1"}/' | $WEIR produce wide -J
	found=$($WEIR cat wide -G k=odd | wc -l)
	[ "$found" -ge 1 ] && [ "$found" -le 3 ]
	is 20 "$($WEIR cat wide -G k=odd -p all | wc -l)"
	is 20 "$($WEIR cat wide -G k:^odd$ | wc -l)"
}

@test "filters: keys of librdkafka's producers are found" {
	only_way broker
	need kcat
	seq 1 60 | sed 's/.*/&:v/' | kcat -b "$WEIR_BROKERS" -P -t wide -K: -X partitioner=consistent
	for k in 1 17 42 60; do is v "$($WEIR cat wide -G "k=$k")"; done
}

@test "filters: wrong ones are refused before anything is asked" {
	for f in x k:'(' .a..b size '!'; do
		both $WEIR cat t -b 127.0.0.1:1 -G "$f"
		is 2 "$status"
		is "" "$out"
		has "$err" "--filter \"$f\""
	done
	both $WEIR cat t --batches -G k=1
	is 2 "$status"
}
