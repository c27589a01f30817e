#!/usr/bin/env bats
# ways: broker dir
# consume --out and --state: files that miss nothing and hold nothing twice.
load common
load broker

local_setup() {
	start_way t:1 three:3
	cd "$TMP"
	mkdir o
}

local_teardown() {
	stop_way
}

@test "out: files named by a format, whole ones only" {
	seq 9 | awk '{ print "{\"key\":\"k" $1 % 2 "\",\"value\":\"" $1 "\",\"ts\":" 86400000 * int($1 / 5) "}" }' |
		$WEIR produce t -J
	both $WEIR cat t --out 'o/%T{%F}/%k.txt'
	is "" "$out$err"
	is "o/1970-01-01/k0.txt o/1970-01-01/k1.txt o/1970-01-02/k0.txt o/1970-01-02/k1.txt" "$(find o -type f | sort | xargs)"
	is "2 4 1 3 6 8 5 7 9" "$(cat o/1970-01-01/k0.txt o/1970-01-01/k1.txt o/1970-01-02/k0.txt o/1970-01-02/k1.txt | xargs)"
	# Without a state a run writes its files anew, as ">" does.
	$WEIR cat t --out o/all -f '%s '
	$WEIR cat t --out o/all -f '%s '
	is "1 2 3 4 5 6 7 8 9 " "$(cat o/all)"
	$WEIR cat t --out o/all --merge -J
	is 9 "$(jq -c . o/all | wc -l)"
	$WEIR cat t --out 'o/%t-%p/00000000000000000000.log' --batches
	is "$($WEIR cat t)" "$($WEIR segment cat o/t-0)"
}

@test "out: what a name cannot have is _" {
	printf '{"key":"a/b","value":"1"}\n{"key":"..","value":"2"}\n{"key":null,"value":"3"}\n{"key_b64":"/woA","value":"4"}\n{"key":"../../x","value":"5"}\n' |
		$WEIR produce t -J
	$WEIR cat t --out 'o/%k'
	is "a_b=1 _.=2 _=3 ___=4 _._.._x=5" "$(cd o && for f in a_b _. _ ___ _._.._x; do echo "$f=$(cat $f)"; done | xargs)"
	is 5 "$(find . -path ./data -prune -o -path './o/*' -print | wc -l)"
	both $WEIR cat t --out 'o/%k{unpack:q}'
	is 8 "$status"
	both $WEIR cat t --out '%w'
	is 2 "$status"
}

@test "out: hundreds of files, more than are open at a time" {
	seq 1200 | awk '{ print $1 % 300 ":" $1 }' | $WEIR produce t -K :
	$WEIR cat t --out 'o/%k'
	is 300 "$(ls o | wc -l)"
	is "5 305 605 905" "$(xargs <o/5)"
	is 1200 "$(cat o/* | wc -l)"
}

@test "state: each run goes on where the last one came to, files grow" {
	for i in 1 2 3; do
		seq $((i * 10)) $((i * 10 + 9)) | $WEIR produce three -f '%s\n'
		$WEIR consume three -e --state s --out 'o/all'
		is "$(seq 10 $((i * 10 + 9)) | xargs)" "$(sort -n o/all | xargs)"
	done
	$WEIR consume three -e --state s --out 'o/all'
	is 30 "$(wc -l <o/all)"
	is all "$(ls o)"
	jq -e '.topics.three.offsets | length == 3' s >/dev/null
	is 30 "$(jq '[.topics.three.offsets[]] | add' s)"
	is '{}' "$(jq -c .parts s)"
	# To standard output too, and -o reads a state without touching it.
	echo new | $WEIR produce three
	cp s s2
	is new "$($WEIR consume three -e -o state:s)"
	cmp s s2
	is new "$($WEIR consume three -e --state s)"
	is "" "$($WEIR consume three -e --state s)"
}

@test "state: -o counts only where the state says nothing; -c stops in between" {
	seq 9 | $WEIR produce t
	is "6 7 8 9" "$($WEIR consume t -e --state s -o 5 | xargs)"
	seq 10 12 | $WEIR produce t
	is "10" "$($WEIR consume t -e --state s -o 5 -c 1 | xargs)"
	is "11 12" "$($WEIR consume t -e --state s -o 5 | xargs)"
	is "" "$($WEIR consume three -e -o end --state s)"
	echo x | $WEIR produce three
	is x "$($WEIR consume three -e -o end --state s)"
}

@test "state: in use, unreadable, of another topic, ahead, not there" {
	seq 9 | $WEIR produce t
	$WEIR consume t -e --state s >/dev/null
	exec 7>>s.lock
	flock 7
	both $WEIR consume t -e --state s 7>&-
	exec 7>&-
	is 7 "$status"
	for bad in '' x '{}' '{"version":2,"topics":{},"parts":{}}' '{"version":1,"topics":{"t":{"id":"x","offsets":{}}},"parts":{}}' \
		'{"version":1,"topics":{"t":{"id":"AAAAAAAAAAAAAAAAAAAAAA","offsets":{"x":1}}},"parts":{}}'; do
		printf '%s' "$bad" >s3
		both $WEIR consume t -e --state s3
		is "8 $bad" "$status $bad"
		has "$err" "s3: "
	done
	both $WEIR consume t -e -o state:none
	is 6 "$status"
	sed 's/:9}/:99}/' s >s4
	both $WEIR consume t -e --state s4
	is 1 "$status"
	has "$err" "ends at offset 9, the state is at 99"
	$WEIR topic delete t -y >/dev/null
	$WEIR topic create t -p 1 >/dev/null
	both $WEIR consume t -e --state s
	is 1 "$status"
	has "$err" "was deleted and created again"
	both $WEIR consume t -e --state s --merge
	is 2 "$status"
}

@test "state: a new one does not add to files that it knows nothing of" {
	echo a | $WEIR produce t
	echo mine >o/all
	both $WEIR consume t -e --state s --out o/all
	is 7 "$status"
	has "$err" "o/all is there already"
	is mine "$(cat o/all)"
}

@test "state: a failure in the middle leaves no file that claims to be whole" {
	printf 'ab\nc\nde\n' | $WEIR produce t
	both $WEIR consume t -e --state s --out o/all -f '%s{unpack:>H}\n'
	is 8 "$status"
	[ ! -e o/all ]
	is 0 "$($WEIR consume t -e --state s --out o/all -f '%s\n' >/dev/null; echo $?)"
	is "ab c de" "$(xargs <o/all)"
	both sh -c 'ulimit -f 8; exec "$1" consume t -e --state s5 --out o/big -f "%s$(printf %020000d 0)\n"' sh "$WEIR"
	[ "$status" -ne 0 ]
	[ ! -e o/big ]
}

@test "state: SIGINT ends a follower in order" {
	only_way broker
	seq 5 | $WEIR produce t
	(exec env --default-signal=INT "$WEIR" consume t --state s --out o/all -X auto.commit.interval.ms=10 2>err 3>&-) &
	p=$!
	until_true 10 eval '[ "$(jq .topics.t.offsets[] s 2>/dev/null)" = 5 ]'
	[ ! -e o/all ]
	kill -INT $p
	ends $p 5
	is 130 "$status"
	is "1 2 3 4 5" "$(xargs <o/all)"
	is "all" "$(ls o)"
}
