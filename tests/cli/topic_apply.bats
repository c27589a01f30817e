#!/usr/bin/env bats
# ways: broker dir
# Topics from a file, and topics like others.
load common
load broker

local_setup() { start_way; }
local_teardown() { stop_way; }

rows() { $WEIR "$@" --no-header | tr '\t' '|'; }

two_topics() {
	cat >"$TMP/f" <<-'END'
		# what we want
		[topic orders]
		partitions = 3
		retention.ms = 1d
		cleanup.policy = compact

		[topic users]
	END
}

@test "a plan first, -y makes it so, then there is nothing to do" {
	two_topics
	plan=$(rows topic apply "$TMP/f")
	is "orders|partitions||3|would create||
orders|retention.ms||86400000|would create||
orders|cleanup.policy||compact|would create||
users|partitions||1|would create||" "$plan"
	is "" "$(rows topic list)"
	is "${plan//would create/created}" "$(rows topic apply -y "$TMP/f")"
	is "" "$(rows topic apply -y "$TMP/f")"
	is "orders|3|1|0|0|0|0|false" "$(rows topic describe orders | cut -d '|' -f 1-8)"
	is "cleanup.policy=compact,retention.ms=86400000" "$(rows topic describe orders | cut -d '|' -f 10)"
	both $WEIR topic apply --check "$TMP/f"
	is 0 "$status"
}

@test "what differs is changed, what the file leaves out goes back" {
	two_topics
	$WEIR topic apply -y "$TMP/f"
	$WEIR topic alter users -c segment.bytes=2097152
	$WEIR topic create other -c retention.ms=1
	sed -i 's/partitions = 3/partitions = 5/; s/1d/2d/' "$TMP/f"
	both $WEIR topic apply --check "$TMP/f" --no-header
	is 1 "$status"
	has "$err" "3 changes are to be made"
	is "orders|partitions|3|5|would add||
orders|retention.ms|86400000|172800000|would change||
users|segment.bytes|2097152|1073741824|would change||" "$(tr '\t' '|' <<<"$out")"
	is 2 "$(rows topic apply --keep "$TMP/f" | wc -l)"
	# Neither -y --dry-run nor -y --check changes anything.
	rows topic apply -y --dry-run "$TMP/f" | grep -q 'would add'
	both $WEIR topic apply -y --check "$TMP/f"
	is 1 "$status"
	is 3 "$(rows topic list orders | cut -d '|' -f 2)"
	rows topic apply -y "$TMP/f"
	is 5 "$(rows topic list orders | cut -d '|' -f 2)"
	is "" "$(rows topic describe users | cut -d '|' -f 10)"
	is "retention.ms=1" "$(rows topic describe other | cut -d '|' -f 10)"
}

@test "a plan that fails in one place is not begun" {
	two_topics
	$WEIR topic apply -y "$TMP/f"
	printf '[topic new]\n[topic orders]\npartitions = 2\nreplicas = 3\nno.such.setting = 1\n' >"$TMP/g"
	both $WEIR topic apply -y "$TMP/g" --no-header
	is 2 "$status"
	has "$out" $'new\tpartitions\t\t1\twould create'
	has "$out" $'orders\treplicas\t1\t1\tfailed\tINVALID_REPLICATION_FACTOR'
	has "$out" $'orders\tpartitions\t3\t3\tfailed\tINVALID_PARTITIONS'
	has "$out" $'no.such.setting'
	is "orders users" "$(rows topic list | cut -d '|' -f 1 | xargs)"
	is 3 "$(rows topic list orders | cut -d '|' -f 2)"
}

@test "files that are not right name the line" {
	try() {
		printf '%b' "$1" >"$TMP/f"
		both $WEIR topic apply -y "$TMP/f"
		[ "$status" -ne 0 ]
		has "$err" "$TMP/f:$2: $3"
		is "" "$out"
	}
	try 'partitions = 3\n' 1 'partitions stands before the first [topic NAME]'
	try '[topic]\n' 1 'a section is [topic NAME]'
	try '[topic a]\n[topic b]\n[topic a]\n' 3 'topic "a" is in line 1 already'
	try '[topic a]\npartitions = 0\n' 2 'partitions'
	try '[topic a]\nretention.ms = soon\n' 2 'retention.ms'
	try '[topic a]\nretention.ms = 5\nretention.ms = 6\n' 3 'retention.ms is set twice'
	both $WEIR topic apply "$TMP/none"
	is 6 "$status"
	is "" "$(rows topic list)"
}

@test "describe --definition is a file that changes nothing, from a pipe too" {
	two_topics
	$WEIR topic apply -y "$TMP/f"
	$WEIR topic describe orders users --definition >"$TMP/g"
	is "[topic orders]
partitions = 3
replicas = 1
cleanup.policy = compact
retention.ms = 86400000

[topic users]
partitions = 1
replicas = 1" "$(cat "$TMP/g")"
	both $WEIR topic apply --check "$TMP/g"
	is 0 "$status"
	$WEIR topic describe orders --definition | $WEIR topic apply --check -
	$WEIR topic delete -y orders users
	$WEIR topic apply -y - <"$TMP/g"
	is "$(cat "$TMP/g")" "$($WEIR topic describe orders users --definition)"
	both $WEIR topic describe nope --definition
	is 6 "$status"
}

@test "clone: as the other one, or with a difference" {
	$WEIR topic create a -p 3 -c retention.ms=5000 -c cleanup.policy=compact
	echo x | $WEIR produce a -k k
	is "b c" "$(rows topic clone a b c | cut -d '|' -f 1 | xargs)"
	is "b|3|1|0" "$(rows topic describe b | cut -d '|' -f 1-4)"
	is "cleanup.policy=compact,retention.ms=5000" "$(rows topic describe b | cut -d '|' -f 10)"
	is "d||1|1|would create||" "$(rows topic clone a d -p 1 -c retention.ms=9 --dry-run)"
	$WEIR topic clone a d -p 1 -c retention.ms=9
	is "cleanup.policy=compact,retention.ms=9" "$(rows topic describe d | cut -d '|' -f 10)"
	both $WEIR topic clone nope x
	is 6 "$status"
	both $WEIR topic clone a b
	is 7 "$status"
	$WEIR topic clone a b --if-not-exists
	both $WEIR topic clone a
	is 2 "$status"
	both $WEIR topic clone a y -c retention.sm=1
	is 2 "$status"
}
