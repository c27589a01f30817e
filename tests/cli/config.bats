#!/usr/bin/env bats
# ways: broker dir
load common
load broker

local_setup() { start_way t:1; }
local_teardown() { stop_way; }

rows() { $WEIR "$@" --no-header | tr '\t' '|'; }

@test "set and get of a topic" {
	is "topic:t|retention.ms|604800000|5000|would change||" \
		"$(rows config set topic:t retention.ms=5000 --dry-run)"
	is "" "$(rows config get topic:t)"
	is "topic:t|retention.ms|604800000|5000|changed||" "$(rows config set topic:t retention.ms=5000)"
	is "topic:t|retention.ms|5000|topic|long|false" "$(rows config get topic:t)"
	is "topic:t|segment.bytes|1073741824|default|int|false" "$(rows config get topic:t segment.bytes)"
	is "topic:t|retention.ms|5000|604800000|changed||" "$(rows config set topic:t -d retention.ms)"
	is "" "$(rows config get topic:t)"
}

@test "all brokers give topics their defaults" {
	is changed "$(rows config set broker:default log.retention.ms=7000 | cut -d '|' -f 5)"
	is "topic:t|retention.ms|7000|brokers|long|false" "$(rows config get topic:t retention.ms)"
	is changed "$(rows config set broker:1 log.retention.ms=8000 | cut -d '|' -f 5)"
	is "topic:t|retention.ms|8000|broker|long|false" "$(rows config get topic:t retention.ms)"
	has "$(rows config get broker:1)" "broker:1|log.retention.ms|8000|broker|long|false"
	is "broker:1|log.retention.ms|8000|7000|changed||" \
		"$(rows config set broker:1 -d log.retention.ms)"
	is "broker:default|log.retention.ms|7000||changed||" \
		"$(rows config set broker:default -d log.retention.ms)"
}

@test "what cannot be set" {
	both $WEIR config set topic:t retention.sm=1
	is 2 "$status"
	has "$err" "did you mean retention.ms?"
	both $WEIR config set broker:1 node.id=7
	is 1 "$status"
	has "$err" "node.id cannot be changed while the broker runs"
	both $WEIR config set topic:nope retention.ms=1
	is 6 "$status"
	both $WEIR config set topics:t retention.ms=1
	is 2 "$status"
	has "$err" '"topics:t" is none of topic:NAME, broker:ID'
	both $WEIR config set topic:t
	is 2 "$status"
	has "$err" "nothing to change"
	both $WEIR config get topic:nope
	is 6 "$status"
	both $WEIR config get topic:t retention.sm
	is 6 "$status"
	has "$err" "did you mean retention.ms?"
}

@test "every setting of a broker has a source and a type" {
	need jq
	$WEIR config get broker:1 --all -O json | jq -e 'length > 60 and
		all(.[]; (.source | type == "string") and (.type | type == "string"))' >/dev/null
}
