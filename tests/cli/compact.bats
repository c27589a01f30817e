#!/usr/bin/env bats
# Topics with cleanup.policy=compact: what stays, and that nothing is lost whenever the broker dies.
load common
load broker

local_setup() {
	start_broker -X log.cleaner.backoff.ms=20
}

local_teardown() {
	stop_broker
}

compacted=(-c cleanup.policy=compact -c internal.segment.bytes=20000 -c min.cleanable.dirty.ratio=0.01
	-c file.delete.delay.ms=0)

# round N: every key gets the value "N".
round() {
	local i
	for i in $(seq 0 99); do printf 'key%d\tround %s\n' "$i" "$1"; done
}

log_bytes() { cat "$TMP"/data/"$1"-0/*.log | wc -c; }
smaller() { [ "$(log_bytes "$1")" -lt "$2" ]; }

# newest TOPIC: "key offset value" of the last record of each key.
newest() {
	$WEIR consume "$1" -e -f '%k %o %s\n' | awk '{ last[$1] = $0 } END { for (k in last) print last[k] }' | sort
}

@test "the newest record of each key stays, at its offset" {
	$WEIR topic create c -p 1 "${compacted[@]}"
	for r in $(seq 1 30); do round "$r" | $WEIR produce c -f '%k\t%s\n'; done
	newest c >"$TMP/before"
	[ "$(wc -l <"$TMP/before")" -eq 100 ]
	until_true 20 smaller c 45000
	newest c >"$TMP/after"
	cmp "$TMP/before" "$TMP/after"
	run $WEIR consume c -e -f '%o\n'
	[ "${#lines[@]}" -lt 1500 ]
	grep -q '^c 0 [1-9]' "$TMP/data/cleaner-offset-checkpoint"
	stop_broker
	start_broker
	newest c >"$TMP/after"
	cmp "$TMP/before" "$TMP/after"
	has "$($WEIR topic offsets c -O tsv)" 3000
}

@test "a deleted topic's name comes back without its compaction" {
	$WEIR topic create c -p 1 "${compacted[@]}"
	for r in $(seq 1 20); do round "$r" | $WEIR produce c -f '%k\t%s\n'; done
	until_true 20 grep -q '^c 0 [1-9]' "$TMP/data/cleaner-offset-checkpoint"
	$WEIR topic delete c -y
	! grep -q '^c ' "$TMP/data/cleaner-offset-checkpoint"
}

@test "killed at any moment while it compacts, every key has its newest record" {
	$WEIR topic create c -p 1 "${compacted[@]}"
	for r in $(seq 1 8); do
		for i in 1 2 3 4; do round "$r.$i" | $WEIR produce c -f '%k\t%s\n'; done
		sleep "0.0$((RANDOM % 90 + 10))"
		stop_broker KILL
		start_broker -X log.cleaner.backoff.ms=20
	done
	run newest c
	[ "${#lines[@]}" -eq 100 ]
	for line in "${lines[@]}"; do [[ $line == *" round 8.4" ]]; done
	stop_broker
	$WEIR dir check "$TMP/data"
}
