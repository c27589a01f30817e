#!/usr/bin/env bats
# metrics.listener: what a scraper sees (broker.bats has where it listens).
load common
load broker

local_teardown() {
	stop_broker
}

# get PATH: the answer, head and body.
get() {
	exec 8<>"/dev/tcp/127.0.0.1/$port"
	printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&8
	timeout 5 cat <&8
	exec 8>&-
}

# The value of a sample without labels.
sample() {
	get /metrics | tr -d '\r' | awk -v name="$1" '$1 == name { print $2 }'
}

# start [OPTION...]: a broker that tells metrics; $port is where.
start() {
	start_broker -v -X metrics.listener=:0 "$@"
	until_true 20 grep -q 'metrics at' "$TMP/broker.log"
	port=$(sed -n 's|.*metrics at http://127.0.0.1:\([0-9]*\)/metrics.*|\1|p' "$TMP/broker.log")
}

@test "metrics count what happens, in Prometheus' form" {
	start --topic t:2
	is 0 "$(sample weir_appended_records_total)"
	seq 7 | $WEIR produce t
	is 7 "$(sample weir_appended_records_total)"
	is 1 "$(sample weir_topics)"
	# Each sample has a head, and each head is there once.
	get /metrics | tr -d '\r' | sed '1,/^$/d' >"$TMP/metrics"
	is "" "$(grep '^# TYPE' "$TMP/metrics" | sort | uniq -d)"
	grep -v '^#' "$TMP/metrics" | sed 's/[{ ].*//; s/_\(bucket\|sum\|count\)$//' | sort -u |
		while read -r name; do grep -q "^# TYPE $name " "$TMP/metrics" || { echo "no head: $name"; exit 1; }; done
}

@test "health, and paths that are not there" {
	start
	has "$(get /health)" "200 OK"
	has "$(get /nope)" "404"
	has "$(get /../etc/passwd)" "404"
	# Garbage does not end it.
	exec 8<>"/dev/tcp/127.0.0.1/$port"
	printf '\x16\x03\x01\x00\xff\n\n' >&8
	exec 8>&-
	has "$(get /health)" "200 OK"
}

@test "an address that somebody has is an error" {
	start
	both $WEIR broker --ephemeral -l 127.0.0.1:0 -X "metrics.listener=127.0.0.1:$port" -- true
	is 7 "$status"
	has "$err" "$port"
}
