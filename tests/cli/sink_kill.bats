#!/usr/bin/env bats
# --state with --out, killed at random moments: what comes out is what one undisturbed run writes.
# $WEIR_KILL_ROUNDS: how many kills, 25 if unset.
load common
load broker

local_setup() {
	start_broker --topic t:3
	cd "$TMP"
	awk 'BEGIN { srand(3); for (i = 0; i < 30000; i++) printf "{\"key\":\"k%d\",\"value\":\"%d %0*d\"}\n", rand() * 20, i, rand() * 300, 0 }' |
		$WEIR produce t -J -z lz4
}

local_teardown() {
	stop_broker
}

run_to_end() {
	timeout 60 "$WEIR" consume t -e --state "$1/s" --out "$1/out/%p/%k" -X auto.commit.interval.ms=3 \
		-X max.partition.fetch.bytes=20000
}

@test "wish 6 of the list beyond: kill -9 at any moment, nothing missing, nothing twice" {
	mkdir one many
	run_to_end one
	is 30000 "$(cat one/out/*/* | wc -l)"
	kills=0 ended=0 partly=0
	for ((round = 0; kills < ${WEIR_KILL_ROUNDS:-25} && round < 2000; round++)); do
		"$WEIR" consume t -e --state many/s --out many/out/%p/%k -X auto.commit.interval.ms=3 \
			-X max.partition.fetch.bytes=20000 3>&- &
		p=$!
		sleep "0.$(printf %03d $((RANDOM % 250 + 5)))"
		if kill -9 $p 2>/dev/null; then kills=$((kills + 1)); fi
		[ ! -e many/s ] || partly=$((partly + 1))
		status=0
		wait $p 2>/dev/null || status=$?
		if [ $status -eq 0 ]; then
			# It was through: compare, and begin anew.
			ended=$((ended + 1))
			diff -r one/out many/out >/dev/null
			rm -rf many
			mkdir many
		else
			is 137 "$status"
		fi
	done
	run_to_end many
	diff -r one/out many/out
	echo "# $kills kills, $ended runs to the end, $partly times a state was there" >&3
	is "" "$(find many/out -name '*.part')"
}
