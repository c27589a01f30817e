#!/usr/bin/env bats
# weir bench: what it counts is so; how fast it was is nobody's business here.
# ways: broker dir
load common
load broker

local_setup() {
	need jq
	start_way load:2
}

local_teardown() {
	stop_way
}

@test "produce and consume count the same records and bytes" {
	$WEIR bench produce load -c 5000 --size 50 -O json >"$TMP/p"
	jq -e '.[0] | .operation == "produce" and .records == 5000 and .bytes == 250000
		and .p50_us <= .p90_us and .p90_us <= .p99_us and .p999_us <= .max_us' "$TMP/p"
	is 5000 "$($WEIR cat load | wc -l)"
	is 50 "$($WEIR cat load -c 1 | tr -d '\n' | wc -c)"
	$WEIR bench consume load -O json |
		jq -e '.[0] | .operation == "consume" and .records == 5000 and .bytes == 250000 and .p50_us == null'
	$WEIR bench consume load -c 100 -O json | jq -e '.[0].records == 100'
}

@test "produce at a rate takes its time" {
	$WEIR bench produce load -c 100 --rate 1000/s -O json |
		jq -e '.[0] | .records == 100 and .elapsed >= 99'
}

@test "latency counts the records of its own run only" {
	echo other | $WEIR produce load
	$WEIR bench latency load -c 200 --rate 2000/s -O json |
		jq -e '.[0] | .operation == "latency" and .records == 200 and .p50_us > 0'
}

@test "plots: text below the figures, SVG into a file" {
	both $WEIR bench produce load -c 1000 --plot --plot-file "$TMP/plot.svg"
	is 0 "$status"
	has "$out" "####"
	is "100" "$(grep -o '[0-9.]*%' <<<"$out" | tr -d % | awk '{ s += $1 } END { printf "%.0f", s }')"
	has "$(cat "$TMP/plot.svg")" "</svg>"
	both $WEIR bench produce load -c 10 --plot-file "$TMP/no/such/plot.svg"
	[ "$status" -ne 0 ]
	has "$err" "--plot-file"
}

@test "a topic that is not there, words that are not good" {
	both $WEIR bench produce nope -c 1
	is 6 "$status"
	both $WEIR bench consume nope
	is 6 "$status"
	both $WEIR bench latency nope
	is 6 "$status"
	both $WEIR bench produce load --rate 10/y
	is 2 "$status"
	both $WEIR bench produce load --rate 0
	is 2 "$status"
	both $WEIR bench latency load --size 8
	is 2 "$status"
}
