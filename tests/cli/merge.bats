#!/usr/bin/env bats
# ways: broker dir
# --merge: partitions in the order of time.
load common
load broker

local_setup() {
	start_way three:3
}

local_teardown() {
	stop_way
}

# fill COUNT: records at random times in random partitions, each partition in order of time.
fill() {
	awk -v n="$1" 'BEGIN {
		srand(7)
		for (i = 0; i < n; i++) {
			p = int(rand() * 3)
			t[p] += int(rand() * 5)
			printf "{\"partition\":%d,\"ts\":%d,\"value\":\"%d\"}\n", p, 1000 + t[p], i
		}
	}' | $WEIR produce three -J
}

@test "wish 10: order across partitions, exact with -e, and each partition's own order stays" {
	fill 6000
	$WEIR cat three --merge -f '%T %p %o\n' >"$TMP/got"
	is 6000 "$(wc -l <"$TMP/got")"
	sort -s -n -k1,1 -c "$TMP/got"
	is "" "$(awk '$3 != n[$2]++' "$TMP/got")"
	# However little is fetched at a time.
	$WEIR cat three --merge -f '%T %p %o\n' -X max.partition.fetch.bytes=5000 | cmp - "$TMP/got"
}

@test "merge: ranges, counts and filters hold" {
	fill 300
	is "$($WEIR cat three --merge -f '%p %o\n' | head -5)" "$($WEIR cat three --merge -c 5 -f '%p %o\n')"
	is 6 "$($WEIR cat three --merge --per-partition 2 | wc -l)"
	is "$($WEIR consume three -e -o -3 -f '%p %o\n' | sort)" "$($WEIR consume three -e -o -3 --merge -f '%p %o\n' | sort)"
	is "$($WEIR cat three -p 0,2 -f '%p %o\n' | sort)" "$($WEIR cat three -p 0,2 --merge -f '%p %o\n' | sort)"
	is "$($WEIR cat three --merge -f '%s\n' | grep 7)" "$($WEIR cat three --merge -G v:7 -f '%s\n')"
	both $WEIR cat three --merge -f '%s{unpack:>q$}\n' --on-error skip -q
	is 0 "$status"
	is "" "$out"
}

@test "merge: empty partitions and topics do not hold it up" {
	both timeout 20 $WEIR cat three --merge
	is 0 "$status"
	is "" "$out"
	printf '{"partition":1,"value":"a"}' | $WEIR produce three -J
	is a "$(timeout 20 $WEIR cat three --merge)"
}

@test "merge: partitions far apart in time" {
	seq 20000 | sed 's/.*/{"partition":0,"ts":9&000,"value":"late"}/' | $WEIR produce three -J
	seq 20000 | sed 's/.*/{"partition":2,"ts":&,"value":"early"}/' | $WEIR produce three -J
	$WEIR cat three --merge -X max.partition.fetch.bytes=10000 >"$TMP/got"
	is $'  20000 early\n  20000 late' "$(uniq -c "$TMP/got")"
}

@test "merge without -e: waits for those that are behind, but not for ever" {
	only_way broker
	"$WEIR" consume three --merge=1500ms -f '%s\n' >"$TMP/got" 3>&- &
	p=$!
	printf '{"partition":0,"ts":5,"value":"5"}\n{"partition":1,"ts":4,"value":"4"}\n' | $WEIR produce three -J
	until_true 10 eval '[ "$(wc -l <"$TMP/got")" = 2 ]'
	printf '{"partition":2,"ts":3,"value":"3"}\n' | $WEIR produce three -J
	until_true 10 eval '[ "$(wc -l <"$TMP/got")" = 3 ]'
	kill $p
	ends $p 10
	is "4 5 3" "$(xargs <"$TMP/got")"
}

@test "merge: what does not go with it" {
	for o in --batches '-g g' --merge=x; do
		both $WEIR cat three --merge $o
		is 2 "$status"
	done
}
