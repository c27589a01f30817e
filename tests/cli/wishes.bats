#!/usr/bin/env bats
# What users of kcat, kafka-*.sh, rpk and others ask for most, one test each, and kcat's measured faults.
load common
load broker

local_setup() {
	need jq
	need kcat
	start_broker --topic t:1 --topic p3:3
}

local_teardown() {
	stop_broker
}

@test "wish 1: exit when done: a snapshot of the end, with writers active, and in a group" {
	seq 1000 | $WEIR produce t
	# Writes faster than anybody reads; -e ends all the same.
	(while echo more; do :; done | $WEIR produce t 2>/dev/null) 3>&- &
	local writer=$!
	timeout 20 $WEIR consume t -e >"$TMP/out"
	[ "$(wc -l <"$TMP/out")" -ge 1000 ]
	timeout 20 $WEIR consume t -e -g readers >"$TMP/group"
	[ "$(wc -l <"$TMP/group")" -ge 1000 ]
	pkill -P $writer || true
	kill $writer 2>/dev/null || true
	timeout 5 $WEIR consume p3 -e
}

@test "wish 2: copies lose nothing: binary, timestamps, headers, nulls" {
	printf '{"topic":"t","partition":0,"ts":1700000000123,"key":"k","value_b64":"//4A","headers":[["a","x"],["a",null],["","y"]]}\n{"topic":"t","partition":0,"ts":1700000000124,"key":null,"value":null,"headers":[]}\n' >"$TMP/in"
	$WEIR produce t -J "$TMP/in"
	$WEIR consume t -e -J >"$TMP/one"
	$WEIR topic create copy -q >/dev/null
	$WEIR produce copy -J "$TMP/one"
	$WEIR consume copy -e -J | sed 's/"topic":"copy"/"topic":"t"/' >"$TMP/two"
	cmp "$TMP/one" "$TMP/two"
	is '"//4A"' "$(head -1 "$TMP/one" | jq .value_b64)"
	is '[["a","x"],["a",null],["","y"]]' "$(head -1 "$TMP/one" | jq -c .headers)"
	$WEIR topic create bytes -q >/dev/null
	$WEIR consume t -e --batches | $WEIR produce bytes --batches
	$WEIR consume bytes -e -J | sed 's/"topic":"bytes"/"topic":"t"/' | cmp - "$TMP/one"
}

@test "wish 3: headers of each record when producing" {
	printf 'k1\ta=1;b=2;\tv1\nk2\t\tv2\n' | $WEIR produce t -f '%k\t%h{%k=%v;}\t%s\n'
	is 'k1 a=1,b=2 v1
k2  v2' "$($WEIR cat t -f '%k %h %s\n')"
}

@test "wish 4: JSON is JSON whatever the bytes are" {
	printf '\xff\xfe' | $WEIR produce t --whole
	is '//4=' "$($WEIR cat t -J | jq -er .value_b64)"
	is null "$($WEIR cat t -J | jq .value)"
}

@test "wish 5: times that people read, in and out" {
	echo x | $WEIR produce t --timestamp 2026-01-31T10:00:00Z
	is 2026-01-31T10:00:00.000Z "$($WEIR cat t -f '%T{iso}')"
	is 2026-01-31 "$($WEIR cat t -f '%T{%F}')"
	is x "$($WEIR consume t -e -o @2026-01-31)"
	is "" "$($WEIR consume t -e -o @2026-02-01)"
	is x "$($WEIR consume t -e -o @2026-01-31:1d)"
	is "" "$($WEIR consume t -e -o @-1h)"
}

@test "wish 6: exit statuses tell the truth" {
	both $WEIR topic delete t nope -y
	is 6 "$status"
	both $WEIR consume p3 -e --require 1
	is 1 "$status"
	both $WEIR cat p3 -b 127.0.0.1:1 --timeout 1s
	is 3 "$status"
	echo x | $WEIR produce p3
	WEIR_TMP=$TMP bash -c '$WEIR cat p3 >/dev/full' 2>"$TMP/err" && return 1
	[ -s "$TMP/err" ]
}

@test "wish 7: every command prints what programs read" {
	local path
	for path in "topic list" "topic describe t" "topic offsets t" "cluster info" "config get topic:t" \
		"group list" "error 3" "doctor" "config show"; do
		# shellcheck disable=SC2086
		$WEIR $path -O json | jq -e 'type == "array" and length >= 0' >/dev/null || { echo "$path"; return 1; }
		# shellcheck disable=SC2086
		$WEIR $path -O schema | jq -e . >/dev/null || { echo "$path"; return 1; }
	done
}

@test "wish 8: filters, and an exact key looks into its partition only" {
	printf 'k%d:{"n":%d}\n' 1 1 2 2 3 3 | $WEIR produce p3 -K :
	is '{"n":2}' "$($WEIR cat p3 -G k=k2)"
	is '{"n":3}' "$($WEIR cat p3 -G '.n==3')"
	is 2 "$($WEIR cat p3 -G '!v:3' | wc -l)"
	# One header of several is enough.
	echo h | $WEIR produce t -H a=1 -H b=2
	is h "$($WEIR cat t -G h:b=2)"
	$WEIR topic create p20 -p 20 -q >/dev/null
	seq 100 | sed 's/.*/k&:&/' | $WEIR produce p20 -K :
	both $WEIR cat p20 -G k=k2 -vvv
	is 2 "$out"
	# Those partitions that some client's hash would give, not all.
	[ "$(grep -- '-> .*Fetch' <<<"$err" | grep -o 'partition:[0-9]*' | sort -u | wc -l)" -le 4 ]
}

@test "wish 11: one tool: topics, groups, settings, records" {
	$WEIR topic create new -p 2 -c retention.ms=60000 -q >/dev/null
	is 60000 "$($WEIR config get topic:new -O json | jq -r '.[] | select(.key == "retention.ms") | .value')"
	echo x | $WEIR produce new
	is x "$($WEIR cat new)"
	$WEIR topic delete new -y -q >/dev/null
}

@test "wish 12: groups: -o counts where nothing is committed, --seek forces it, lag has a status" {
	seq 10 | $WEIR produce t
	is 3 "$($WEIR consume t -g g -e -o -3 | wc -l)"
	seq 11 12 | $WEIR produce t
	both $WEIR consume t -g g -e -o start
	is "11
12" "$out"
	has "$err" "-o counts only where there is none"
	is 12 "$($WEIR consume t -g g -e -o start --seek | wc -l)"
	seq 5 | $WEIR produce t
	both $WEIR group lag g --max 4
	is 1 "$status"
	$WEIR group lag g --max 5 >/dev/null
	$WEIR group seek g --to end -y >/dev/null
	$WEIR group lag g --max 0 >/dev/null
}

@test "wish 14: output is never stuck in a buffer" {
	mkfifo "$TMP/fifo"
	$WEIR consume t >"$TMP/fifo" 3>&- &
	local reader=$!
	exec 8<"$TMP/fifo"
	echo now | $WEIR produce t
	read -r -t 5 line <&8
	is now "$line"
	kill $reader
	exec 8<&-
}

@test "wish 15: an advertised address that leads nowhere is named, and --resolve gets around it" {
	stop_broker
	start_broker --advertise no.such.host.invalid:9 --topic t:1
	both $WEIR cat t
	is 3 "$status"
	has "$err" "advertises node 1 as no.such.host.invalid:9"
	$WEIR cat t --resolve "no.such.host.invalid=$WEIR_BROKERS"
}

@test "wish 16: a missing topic is exit 6 with a hint, and is not created" {
	$WEIR topic create orders -q >/dev/null
	both $WEIR cat ordres
	is 6 "$status"
	has "$err" 'did you mean "orders"?'
	echo x | { both $WEIR produce ordres; is 6 "$status"; }
	is "" "$($WEIR topic list --no-header | grep ordres || true)"
	echo x | $WEIR produce made --create
	is x "$($WEIR cat made)"
}

@test "wish 17: which setting is in force, and where from" {
	both $WEIR config show -X linger.ms=7
	has "$out" "linger.ms	7	-X"
	has "$out" '$WEIR_BROKERS'
	both $WEIR topic list -b 127.0.0.1:1 --timeout 1s
	has "$err" "(brokers from --brokers)"
}

@test "wish 18: the same key goes to the same partition as from Java and kcat's murmur2" {
	$WEIR topic create a -p 7 -q >/dev/null
	$WEIR topic create b -p 7 -q >/dev/null
	seq 100 | sed 's/.*/key&:x/' | $WEIR produce a -K :
	seq 100 | sed 's/.*/key&:x/' | kcat -b "$WEIR_BROKERS" -P -t b -K : -X partitioner=murmur2_random
	is "$($WEIR cat b -f '%k %p\n' | sort)" "$($WEIR cat a -f '%k %p\n' | sort)"
}

@test "wish 19: null, empty and the text null are three things" {
	printf '{"value":null}\n{"value":""}\n{"value":"null"}\n' | $WEIR produce t -J
	is '-1
0
4' "$($WEIR cat t -f '%S\n')"
	is '<none>

null' "$($WEIR cat t --null '<none>')"
	printf 'null\n\n' | $WEIR produce p3 -p 0 -Z
	is '4
-1' "$($WEIR cat p3 -f '%S\n')"
}

@test "wish 20: segments are data, without a server" {
	seq 3 | $WEIR produce t
	stop_broker
	is "1
2
3" "$($WEIR segment cat "$TMP/data/t-0")"
	$WEIR segment verify "$TMP/data/t-0" >/dev/null
	is 3 "$($WEIR segment inspect "$TMP/data/t-0" --records -O json | jq length)"
	is 3 "$($WEIR --dir "$TMP/data" cat t | wc -l)"
}

@test "kcat fault 1: the end of a topic is known at once" {
	echo x | $WEIR produce t
	# The broker need not be asked to wait for more.
	both $WEIR consume t -e -vv
	has "$err" "Fetch v"
	[ "$(grep -c -- '-> .* Fetch v' <<<"$err")" -le 1 ]
}

@test "kcat fault 2: | head -1 is silent" {
	seq 100000 | $WEIR produce t
	bash -o pipefail -c '$WEIR cat t 2>"'"$TMP"'/err" | head -1' >"$TMP/out" || status=$?
	is 1 "$(cat "$TMP/out")"
	is 141 "$status"
	is "" "$(cat "$TMP/err")"
}

@test "kcat fault 3: consuming does not create topics" {
	both $WEIR consume nope -e
	is 6 "$status"
	[[ "$($WEIR topic list)" != *nope* ]]
}

@test "kcat fault 4: headers can be told apart" {
	echo v | $WEIR produce t -H a=x,y -H b=1=2
	is '[["a","x,y"],["b","1=2"]]' "$($WEIR cat t -f '%h{json}\n')"
}

@test "kcat fault 5: the ready line of a broker reaches a pipe" {
	mkfifo "$TMP/r"
	$WEIR broker --ephemeral -l 127.0.0.1:0 >"$TMP/r" 3>&- &
	local pid=$!
	read -r -t 10 line <"$TMP/r"
	has "$line" "listening 127.0.0.1:"
	kill $pid
	wait $pid || true
}
