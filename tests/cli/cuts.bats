#!/usr/bin/env bats
# Connections that are cut at any byte, answers that are lost: what produce and consume -g make of it.
# With CUTS_BROKER=HOST:PORT against a broker that is there already.
load common
load broker

local_setup() {
	cutter=$top_builddir/tests/fault/cutter
	[ -x "$cutter" ] || skip "no cutter in this build"
	if [ -n "${CUTS_BROKER:-}" ]; then
		export WEIR_BROKERS=$CUTS_BROKER
	else
		start_broker -X group.initial.rebalance.delay.ms=0
	fi
	topic=cuts-$$-$BATS_TEST_NUMBER
	$WEIR topic create $topic -p 3 >/dev/null
	$WEIR wait topic $topic >/dev/null
}

local_teardown() {
	stop_cutter
	[ -n "${CUTS_BROKER:-}" ] || stop_broker
}

# start_cutter SEED BYTES: sets $through to the options that lead through it.
start_cutter() {
	local port
	mkfifo "$TMP/hold"
	"$cutter" "${WEIR_BROKERS##*:}" "$@" <"$TMP/hold" >"$TMP/cutter" 3>&- &
	cutting=$!
	exec 8>"$TMP/hold"
	until_true 10 test -s "$TMP/cutter"
	read -r port <"$TMP/cutter"
	through="-b 127.0.0.1:$port --resolve $WEIR_BROKERS=127.0.0.1:$port"
}

# Ends it; $cuts: how often it cut.
stop_cutter() {
	[ -n "${cutting:-}" ] || return 0
	exec 8>&-
	wait "$cutting"
	cutting=
	rm "$TMP/hold"
	cuts=$(tail -1 "$TMP/cutter")
	rm "$TMP/cutter"
}

# The middle of a request, or the answer: the producer cannot know what was written.
@test "produce over cut connections: every record once, in order" {
	for seed in 1 2 3; do
		start_cutter $seed 60000
		seq -f "$seed %.0f" 20000 | timeout 100 $WEIR produce $through $topic -p $((seed - 1)) -X batch.size=4000
		stop_cutter
		[ "$cuts" -gt 3 ]
		is "$(seq -f "$seed %.0f" 20000 | md5sum)" "$($WEIR cat $topic -p $((seed - 1)) | md5sum)"
	done
}

@test "consume -g over cut connections: nothing is left out, commits do not go back" {
	seq 20000 | $WEIR produce $topic -z gzip -X batch.size=2000
	for protocol in classic consumer; do
		start_cutter 7 30000
		timeout 100 $WEIR consume $through -g g-$protocol-$$ -e $topic -X group.protocol=$protocol \
			-X max.partition.fetch.bytes=3000 >"$TMP/out"
		stop_cutter
		[ "$cuts" -gt 1 ]
		is "$(seq 20000 | md5sum)" "$(sort -n "$TMP/out" | uniq | md5sum)"
		is 0 "$($WEIR group lag g-$protocol-$$ --no-header | cut -f4)"
	done
}
