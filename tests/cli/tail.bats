#!/usr/bin/env bats
# ways: broker dir
# weir tail, and consume --latest-by-key.
load common
load broker

local_setup() {
	start_way three:3 t:1
}

local_teardown() {
	stop_way
}

# fill N: records 1 to N, spread over the partitions of three, one a second.
fill() {
	seq "$1" | awk '{ printf "{\"partition\":%d,\"ts\":%d,\"key\":\"k%d\",\"value\":\"%d\"}\n", $1 % 3, $1 * 1000, $1 % 7, $1 }' |
		$WEIR produce three -J
}

@test "wish 9: tail -n is the last N of the topic, by time" {
	fill 100
	is "91 92 93 94 95 96 97 98 99 100" "$($WEIR tail -e three | xargs)"
	is "98 99 100" "$($WEIR tail -e -n 3 three | xargs)"
	is "$(seq 100 | xargs)" "$($WEIR tail -e -n 1000 three | xargs)"
	is "" "$($WEIR tail -e -n 0 three)"
	# All of the latest may be in one partition.
	printf '{"partition":1,"ts":500000,"value":"x%d"}\n' 1 2 3 4 5 | $WEIR produce three -J
	is "100 x1 x2 x3 x4 x5" "$($WEIR tail -e -n 6 three | xargs)"
	is "98 100 x1" "$($WEIR tail -e -n 7 -p 1,2 three | xargs -n 1 | grep -v 'x[2-5]' | xargs)"
}

@test "tail: with filters, the last ones that pass, however far back" {
	fill 300
	is "1 2 3" "$($WEIR tail -e -n 3 three -G 'v:^.$' -G '!v:[4-9]' | xargs)"
	is "98 99" "$($WEIR tail -e -n 2 three -G 'v:^..$' | xargs)"
	is "" "$($WEIR tail -e three -G v=none)"
	is "k2 296" "$($WEIR tail -e -n 1 three -f '%k %s' -G 'k:^k2$')"
}

@test "tail: from an empty topic, from one that was trimmed, of several topics" {
	is "" "$($WEIR tail -e t)"
	seq 20 | $WEIR produce t --timestamp 2026-01-01
	$WEIR topic trim t -o 18 -y >/dev/null
	is "19 20" "$($WEIR tail -e t | xargs)"
	fill 3
	is "2 3 19 20" "$($WEIR tail -e -n 4 t three | xargs)"
}

@test "tail: goes on with what comes" {
	only_way broker
	fill 9
	"$WEIR" tail -n 2 three >"$TMP/got" 3>&- &
	p=$!
	until_true 10 eval '[ "$(xargs <"$TMP/got")" = "8 9" ]'
	echo new | $WEIR produce three
	until_true 10 eval '[ "$(xargs <"$TMP/got")" = "8 9 new" ]'
	kill $p
	ends $p 10
}

@test "tail: what does not go with it" {
	for o in '-o 5' --batches '-g g' --latest-by-key '-n -1' '-n x'; do
		both $WEIR tail t -e $o
		is 2 "$status"
	done
	both $WEIR tail tt -e
	is 6 "$status"
}

@test "consume --latest-by-key: the topic as a table" {
	fill 100
	is "k3=80 k6=83 k2=86 k5=89 k1=92 k4=95 k0=98" "$(for k in 0 1 2 3 4 5 6; do
		$WEIR cat three -p 2 --latest-by-key -f '%k=%s\n' -G k=k$k
	done | sort -t= -k2n | xargs)"
	printf '{"key":"a","value":"1"}\n{"key":"b","value":"1"}\n{"key":"a","value":"2"}\n{"key":"b","value":null}\n{"key":"c","value":""}\n{"value":"x"}\n' |
		$WEIR produce t -J
	both $WEIR cat t --latest-by-key -f '%k=%s\n'
	is $'a=2\nc=' "$out"
	has "$err" "1 record without a key left out"
	# The filter asks about what is latest, not about what was.
	is "" "$($WEIR cat t -q --latest-by-key -G v=1)"
	is "1 2" "$($WEIR cat t -q --latest-by-key -c 1 -f '%i %s')"
	is "a=2" "$($WEIR consume t -q -o :3 -e --latest-by-key -f '%k=%s\n' -G k=a)"
	is "" "$($WEIR consume t -o end -e --latest-by-key)"
	both $WEIR consume t --latest-by-key
	is 2 "$status"
}
