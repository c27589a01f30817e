#!/usr/bin/env bats
# ways: broker dir
load common
load broker

local_setup() { start_way; }
local_teardown() { stop_way; }

# rows ARGS...: weir's table without head, '|' between cells.
rows() { $WEIR "$@" --no-header | tr '\t' '|'; }

@test "create, list, describe, delete" {
	both $WEIR topic create orders -p 3 -c retention.ms=86400000
	is 0 "$status"
	is "" "$err"
	[[ ${out##*$'\n'} =~ ^orders$'\t'[A-Za-z0-9_-]{22}$'\t'3$'\t'1$'\t'created ]]
	is "orders|3|1|false" "$(rows topic list | cut -d '|' -f 1-4)"
	is "orders|3|1|0|0|0|0|false" "$(rows topic describe orders | cut -d '|' -f 1-8)"
	is "retention.ms=86400000|ok||" "$(rows topic describe orders | cut -d '|' -f 10-13)"
	is "orders|deleted||" "$(rows topic delete -y orders | cut -d '|' -f 1,4-6)"
	is "" "$(rows topic list)"
}

@test "create: the broker's number of partitions unless told" {
	$WEIR topic create plain
	is 1 "$(rows topic describe plain | cut -d '|' -f 2)"
}

@test "create: a topic that is there" {
	$WEIR topic create a -p 2
	both $WEIR topic create a b --no-header
	is 7 "$status"
	has "$out" $'a\t\t\t\tfailed\tTOPIC_ALREADY_EXISTS\t'
	has "$out" $'b\t'
	has "$err" 'topic "a": topic '\''a'\'' already exists (TOPIC_ALREADY_EXISTS)'
	is "a|||||exists||" "$(rows topic create a --if-not-exists | sed 's/|exists/||exists/')"
	is 2 "$(rows topic describe a | cut -d '|' -f 2)"
}

@test "create: names that are not legal" {
	long=$(printf 'x%.0s' $(seq 250))
	for name in . .. 'a b' a/b 'é' "$long" ''; do
		both $WEIR topic create "$name"
		is 2 "$status"
		has "$err" INVALID_TOPIC_EXCEPTION
	done
	$WEIR topic create "${long:1}"
	is "${long:1}" "$(rows topic list | cut -d '|' -f 1)"
}

@test "create: bad numbers and settings" {
	for bad in "-p 0" "-p -1" "-p 100001" "-p many" "-r 0" "-c retention.ms"; do
		both $WEIR topic create t $bad
		is 2 "$status"
		is "" "$out"
	done
	both $WEIR topic create t -c retention.sm=5
	is 2 "$status"
	has "$err" "did you mean retention.ms?"
	both $WEIR topic create t -c retention.ms=soon
	is 2 "$status"
	has "$err" 'retention.ms: "soon"'
	both $WEIR topic create t -r 3
	is 2 "$status"
	has "$err" INVALID_REPLICATION_FACTOR
	is "" "$(rows topic list)"
}

@test "create --dry-run and delete --dry-run change nothing" {
	is "t|would create" "$(rows topic create t -p 4 --dry-run | cut -d '|' -f 1,5)"
	is "" "$(rows topic list)"
	$WEIR topic create t
	is "t|would delete" "$(rows topic delete t --dry-run | cut -d '|' -f 1,4)"
	is t "$(rows topic list | cut -d '|' -f 1)"
}

@test "list: hidden topics, regular expressions, names" {
	for t in a.one a.two b __mine; do $WEIR topic create $t; done
	is "a.one a.two b" "$(rows topic list | cut -d '|' -f 1 | xargs)"
	is "__mine a.one a.two b" "$(rows topic list --internal | cut -d '|' -f 1 | xargs)"
	is "a.one a.two" "$(rows topic list --regex 'a\..*' | cut -d '|' -f 1 | xargs)"
	# A dot is a dot, and a name the whole name.
	both $WEIR topic list a.on
	is 6 "$status"
	has "$err" 'did you mean "a.one"?'
	both $WEIR topic list --regex 'a'
	is 6 "$status"
	both $WEIR topic list --regex '('
	is 2 "$status"
	is "b __mine" "$(rows topic list b __mine b | cut -d '|' -f 1 | xargs)"
}

@test "describe --partitions" {
	$WEIR topic create t -p 2
	printf 'x\ny\n' | $WEIR produce t -p 1
	is "t|0|1|0|1|1|0|0|0|ok||" "$(rows topic describe t --partitions | head -1)"
	is "t|1|1|0|1|1|0|2" "$(rows topic describe t --partitions | tail -1 | cut -d '|' -f 1-8)"
	[ "$(rows topic describe t --partitions | tail -1 | cut -d '|' -f 9)" -gt 60 ]
	is 2 "$(rows topic describe t | cut -d '|' -f 4)"
	need jq
	is '[1]' "$($WEIR topic describe t --partitions -O json | jq -c '.[1].isr')"
}

@test "describe --configs" {
	$WEIR topic create t -c segment.bytes=1048576
	is "t|segment.bytes|1048576|topic|int|ok||" "$(rows topic describe t --configs)"
	has "$(rows topic describe t --configs --all)" "t|cleanup.policy|delete|default|list|ok||"
	both $WEIR topic describe t --configs --partitions
	is 2 "$status"
}

@test "describe: what is there is shown, what is not is the status" {
	$WEIR topic create orders
	for form in "" --partitions --configs; do
		both $WEIR topic describe ordres orders $form
		is 6 "$status"
		has "$out" $'failed\tUNKNOWN_TOPIC_OR_PARTITION\tno such topic'
		has "$err" 'topic "ordres": no such topic (UNKNOWN_TOPIC_OR_PARTITION)'
		has "$err" 'did you mean "orders"?'
	done
	has "$($WEIR topic describe ordres orders 2>/dev/null || true)" $'orders\t1\t1'
	# Asking never makes a topic.
	is orders "$(rows topic list | cut -d '|' -f 1)"
}

@test "delete asks: without a terminal it refuses and names -y" {
	$WEIR topic create t
	both $WEIR topic delete t </dev/null
	is 2 "$status"
	has "$err" "-y answers yes"
	is t "$(rows topic list | cut -d '|' -f 1)"
}

@test "delete: each is reported, --if-exists, --regex" {
	for t in a1 a2 b; do $WEIR topic create $t; done
	both $WEIR topic delete -y zz b --no-header
	is 6 "$status"
	has "$out" $'zz\t\t\tfailed\tUNKNOWN_TOPIC_OR_PARTITION'
	has "$out" $'\tdeleted'
	is "zz|||not there||" "$(rows topic delete -y zz --if-exists)"
	is "a1 a2" "$(rows topic delete -y --regex 'a.' | cut -d '|' -f 1 | xargs)"
	is "" "$(rows topic list)"
}

@test "alter: old and new value, all or none" {
	$WEIR topic create t
	is "t|retention.ms|604800000|1000|changed||" "$(rows topic alter t -c retention.ms=1000)"
	is "t|retention.ms|1000|1000|unchanged||" "$(rows topic alter t -c retention.ms=1000)"
	is "t|retention.ms|1000|604800000|would change||" \
		"$(rows topic alter t -d retention.ms --dry-run)"
	both $WEIR topic alter t -c retention.ms=2000 -c segment.bytes=nope
	is 2 "$status"
	has "$err" 'segment.bytes'
	is "t|retention.ms|1000|topic|long|ok||" "$(rows topic describe t --configs)"
	is "t|retention.ms|1000|604800000|changed||" "$(rows topic alter t -d retention.ms)"
	is "" "$(rows topic describe t --configs)"
	both $WEIR topic alter t
	is 2 "$status"
	both $WEIR topic alter t -c a=1 -c a=2
	is 2 "$status"
	has "$err" "a is given twice"
	both $WEIR topic alter nope -c retention.ms=1
	is 6 "$status"
}
