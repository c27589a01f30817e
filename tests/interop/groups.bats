#!/usr/bin/env bats
# Groups of kcat's (librdkafka's) and weir's members: who reads what, and what outlives whom.
load ../cli/common
load ../cli/broker

options=(--topic t:6 -X group.initial.rebalance.delay.ms=200 -X group.min.session.timeout.ms=500)

local_setup() {
	need kcat
	start_broker "${options[@]}"
	members=()
}

local_teardown() {
	local pid
	for pid in "${members[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	stop_broker
}

# start NAME COMMAND...: a member whose records go to $TMP/NAME; its pid to $member.
start() {
	"${@:2}" >"$TMP/$1" 2>>"$TMP/members.err" 3>&- &
	member=$!
	members+=("$member")
}

# kcat_in GROUP NAME [OPTION...]
kcat_in() {
	start "$2" kcat -b "$WEIR_BROKERS" -m 10 -u -E -X auto.offset.reset=earliest -X auto.commit.interval.ms=200 \
		-X heartbeat.interval.ms=100 -X session.timeout.ms=1500 -X reconnect.backoff.max.ms=300 \
		"${@:3}" -G "$1" t
}

weir_in() { # GROUP NAME [OPTION...]
	start "$2" "$WEIR" consume -g "$1" t -X group.protocol=classic -X heartbeat.interval.ms=100 \
		-X session.timeout.ms=1500 -X auto.commit.interval.ms=200 "${@:3}"
}

# fill FIRST LAST: numbers over all partitions.
fill() { seq "$1" "$2" | awk '{ print $1 "\t" $1 }' | $WEIR produce t -K '\t'; }

stable() { # GROUP MEMBERS
	$WEIR wait group "$1" --members "$2" --state stable --timeout 30s >/dev/null
}

# read_to N NAME...: together they have read 1 to N, each at least once.
read_to() {
	local n=$1
	shift
	(cd "$TMP" && [ "$(sort -nu "$@" | wc -l)" -ge "$n" ])
}

leave() {
	kill "$@"
	for pid in "$@"; do ends "$pid" 20; done
}

@test "kcat -G: two members share the partitions; what they committed nobody reads again" {
	fill 1 1000
	last=1000
	for strategy in range cooperative-sticky; do
		assign="-X partition.assignment.strategy=$strategy"
		kcat_in $strategy a $assign
		first=$member
		kcat_in $strategy b $assign
		stable $strategy 2
		is "3 3" "$($WEIR group describe $strategy --members -O json | jq -r '.[].partitions' | xargs)"
		until_true 30 read_to $last a b
		leave "$first" "$member"
		is 0 "$($WEIR group lag $strategy --no-header | awk '{ print $4 }')"
		kcat_in $strategy c $assign
		stable $strategy 1
		fill $((last + 1)) $((last + 100))
		until_true 30 read_to 100 c
		is "$(seq $((last + 1)) $((last + 100)) | cksum)" "$(sort -n "$TMP/c" | cksum)"
		leave "$member"
		last=$((last + 100))
	done
}

@test "kcat and weir in one group: one is killed, one is stopped, the other reads on" {
	kcat_in g a
	first=$member
	weir_in g b
	second=$member
	stable g 2
	fill 1 1000
	until_true 30 read_to 1000 a b
	[ -s "$TMP/a" ]
	[ -s "$TMP/b" ]
	kill -KILL "$first"
	fill 1001 2000
	until_true 30 read_to 2000 a b
	stable g 1
	kcat_in g c
	stable g 2
	kill -STOP "$second"
	kcat_in other d # does not wait for them
	stable other 1
	fill 2001 3000
	until_true 30 read_to 3000 d
	until_true 30 read_to 3000 a b c
	kill -CONT "$second"
	until_true 30 read_to 3000 a b c
}

@test "the broker is killed and comes back: members read on, commits stay" {
	kcat_in g a
	first=$member
	weir_in g b
	second=$member
	stable g 2
	fill 1 1000
	until_true 30 read_to 1000 a b
	stop_broker KILL
	fill_at=$WEIR_BROKERS
	start_broker "${options[@]}" -l "$fill_at"
	fill 1001 2000
	until_true 30 read_to 2000 a b
	$WEIR wait group g --lag 0 --timeout 30s >/dev/null
	leave "$first" "$second"
	before=$($WEIR group describe g -O json | jq -c 'map([.partition, .committed])')
	stop_broker KILL
	start_broker "${options[@]}"
	is "$before" "$($WEIR group describe g -O json | jq -c 'map([.partition, .committed])')"
	kcat_in g c
	stable g 1
	fill 2001 2100
	until_true 30 read_to 100 c
	is "$(seq 2001 2100 | cksum)" "$(sort -n "$TMP/c" | cksum)"
}
