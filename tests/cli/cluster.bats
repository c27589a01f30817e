#!/usr/bin/env bats
# ways: broker dir
load common
load broker

local_setup() { start_way a:2 b:1; }
local_teardown() { stop_way; }

@test "info: the broker, its partitions, the cluster's id" {
	both $WEIR cluster info --no-header
	is 0 "$status"
	is 1 "$(wc -l <<<"$out")"
	IFS=$'\t' read -r broker_id host port rest <<<"$out"
	is 1 "$broker_id"
	has "$rest" $'true\t3\t3\t0\t'
	id=$(sed -n 's/^cluster.id=//p' "$TMP/data/meta.properties")
	[ -n "$id" ]
	is "$id" "${out##*$'\t'}"
	if [ "$way" = broker ]; then is "$WEIR_BROKERS" "$host:$port"; fi
}

@test "health: exit 0 when all is well, 1 when a check fails, 3 when nobody answers" {
	both $WEIR cluster health --no-header
	is 0 "$status"
	is "" "$err"
	is ok "$(cut -f 3 <<<"$out" | sort -u)"
	has "$out" $'broker\tbroker 1\tok\tanswers'
	both $WEIR cluster health --room 100 --no-header
	is 1 "$status"
	has "$out" $'disk\tbroker 1 '
	has "$out" $'\tFAIL\t'
	has "$err" "1 check failed"
	both $WEIR cluster health -b 127.0.0.1:1
	[ "$way" = dir ] || is 3 "$status"
}

@test "dir lock: who has the directory, and keeping it" {
	only_way dir
	both $WEIR dir lock
	is 0 "$status"
	has "$out" $'\tfalse'
	both $WEIR dir lock "$TMP/data" -- sh -c "$WEIR dir lock '$TMP/data' --no-header; echo \$?; $WEIR topic list; echo \$?; exit 5"
	is 5 "$status"
	has "$out" $'\ttrue\n7\n7'
	has "$err" "is locked by process"
	is a "$($WEIR topic list a --no-header | cut -f 1)"
	both $WEIR dir lock "$TMP/data" -- /no/such/command
	is 127 "$status"
	both $WEIR dir lock "$TMP/data" --
	is 2 "$status"
	both $WEIR dir lock "$TMP/none"
	is 6 "$status"
	mkdir "$TMP/empty"
	both $WEIR dir lock "$TMP/empty"
	is 0 "$status"
	is "" "$(ls -A "$TMP/empty")"
	# The kind of lock that Kafka has.
	perl -e 'use Fcntl; open F, "+>", "$ARGV[0]/.lock" or die; my $l = pack("s s l! l! i", F_WRLCK, 0, 0, 0, 0);
		fcntl(F, F_SETLK, $l) or die; open U, ">", "$ARGV[0]/up"; sleep 30' "$TMP/empty" 3>&- &
	broker=$!
	until_true 10 test -e "$TMP/empty/up"
	both $WEIR dir lock "$TMP/empty"
	is 7 "$status"
	has "$err" "by process $broker"
	both $WEIR broker --data "$TMP/empty" -l 127.0.0.1:0
	is 7 "$status"
}
