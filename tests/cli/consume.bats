#!/usr/bin/env bats
# ways: broker dir
# weir consume and cat: every option, every way to fail.
load common
load broker

local_setup() {
	start_way t:1 three:3
}

local_teardown() {
	stop_way
}

# fill: ten records in t, at 1000, 2000, ... ms; thirty in three, ten a partition.
fill() {
	seq 1 10 | sed 's/.*/&000 k& v&/' | $WEIR produce t -f '%T %k %s\n'
	for p in 0 1 2; do
		seq 1 10 | sed "s/.*/{\"partition\":$p,\"ts\":&0$p,\"key\":\"k&\",\"value\":\"$p-&\"}/"
	done | $WEIR produce three -J
}

@test "cat: what is there, in order, and ends; nothing from an empty topic" {
	both $WEIR cat t
	is 0 "$status"
	is "" "$out$err"
	fill
	is "$(seq 1 10 | sed 's/^/v/')" "$($WEIR cat t)"
	is 30 "$($WEIR cat three | wc -l)"
	is "$(seq 1 10 | sed 's/^/1-/')" "$($WEIR cat three | grep ^1-)"
	is 40 "$($WEIR cat t three | wc -l)"
	is 40 "$($WEIR cat -t t -t three t | wc -l)"
}

@test "consume: a topic that is not there: exit 6, a hint, and it is not made" {
	for c in consume 'consume -e' cat; do
		both $WEIR $c thre
		is 6 "$status"
		is "" "$out"
		has "$err" 'no topic "thre"'
		has "$err" 'hint: did you mean "three"?'
	done
	is $'t\nthree' "$($WEIR topic list --no-header -O tsv | cut -f1)"
	both $WEIR consume
	is 2 "$status"
	has "$err" "no topic given"
}

@test "consume -o: start, end, numbers, from both ends, by time, ranges" {
	fill
	while read -r range wanted; do
		got=$($WEIR consume t -e -o "$range" -f '%o ')
		is "$range: $wanted" "$range: ${got% }"
	done <<-'END'
		start 0 1 2 3 4 5 6 7 8 9
		beginning 0 1 2 3 4 5 6 7 8 9
		end
		7 7 8 9
		-2 8 9
		-99 0 1 2 3 4 5 6 7 8 9
		+8 8 9
		2:4 2 3
		:3 0 1 2
		8: 8 9
		2:+3 2 3 4
		-4:-2 6 7
		9:99 9
		5:5
		99
		@1970-01-01T00:00:04Z 3 4 5 6 7 8 9
		@000000004000:000000006000 3 4
		@1970-01-01T00:00:04Z:1970-01-01T00:00:06Z 3 4
		@1970-01-01T00:00:04Z:2s 3 4
		@1970-01-01T00:00:09Z:end 8 9
		s@4000 3 4 5 6 7 8 9
		s@4000,e@6000 3 4
		@2100-01-01
	END
}

@test "consume -o: a plain number of seconds is a time too" {
	fill
	is "3 4 5 6 7 8 9" "$(echo $($WEIR consume t -e -o @4 -f '%o '))"
}

@test "consume -o: a range for one partition" {
	fill
	is "0-1 0-2 1-10 2-9 2-10" "$(echo $($WEIR consume three -e -o 8 -o 0=:2,1=-1 | sort -t- -k1,1n -k2,2n))"
	is "1-10" "$(echo $($WEIR consume three -e -o end,1=-1))"
}

@test "consume -o: what is no range is refused" {
	for o in soon 5:2 @x x=1 :start 1,,2 stored p=1; do
		both $WEIR consume t -e -o "$o"
		is "$o 2" "$o $status"
		is "" "$out"
	done
}

@test "consume -o N of records that are gone says so" {
	fill
	$WEIR topic trim t -o 5 -y >/dev/null
	both $WEIR consume t -e -o 2 -f '%o '
	is 0 "$status"
	is "5 6 7 8 9 " "$out"
	has "$err" "begins at offset 5, 2 is gone"
}

@test "consume -c, --per-partition, -p" {
	fill
	is 3 "$($WEIR consume t -c 3 | wc -l)"
	is 0 "$($WEIR consume t -c 0 | wc -l)"
	is 6 "$($WEIR consume three --per-partition 2 | wc -l)"
	is "0-1 0-2 2-1 2-2" "$(echo $($WEIR consume three --per-partition 2 -p 0,2 | sort))"
	is 20 "$($WEIR cat three -p 1-2 | wc -l)"
	both $WEIR cat three -p 3
	is 6 "$status"
	both $WEIR cat three -p 2-1
	is 2 "$status"
	both $WEIR cat three -p x
	is 2 "$status"
}

@test "consume -f: every token" {
	only_way broker
	printf 'v\n' | $WEIR produce t -k key -H a=1 -H b -z zstd --timestamp 1700000000123
	is 't 0 0 key 3 v 1 1700000000123 a=1,b= 2 0 zstd 0 1 1 0 1 % { }' \
		"$($WEIR cat t -f '%t %p %o %k %K %s %S %T %h %H %e %a{compression} %[ %| %] %l %i %% %{ %}')"
	is '2023-11-14T22:13:20.123Z 1700000000 2023-11-14 18bcfe5687b' \
		"$($WEIR cat t -f '%T{iso} %T{s} %T{%F} %d{hex}')"
	is '6b6579 a2V5 "key" "key" 3 107 25977' \
		"$($WEIR cat t -f '%k{hex} %k{base64} %k{json} %k{quote} %k{len} %k{unpack:>bH$}')"
	is '25963 y' "$($WEIR cat t -f '%k{unpack:<hs}')"
	is '[["a","1"],["b",null]] a->1;b->;' "$($WEIR cat t -f '%h{json} %h{%k->%v;}')"
	printf '\0\0\0\1v' >"$TMP/wanted"
	$WEIR cat t -f '%R%s' >"$TMP/got"
	cmp "$TMP/wanted" "$TMP/got"
}

@test "consume -f: an unknown token: exit 2, a caret under it" {
	both $WEIR consume t -e -f 'a %w'
	is 2 "$status"
	is "" "$out"
	is 'weir: consume: format: unknown token %w
  a %w
    ^' "$(sed '/hint/d' <<<"$err" | sed 's/; .*//')"
}

@test "consume -K, -D, --null" {
	printf 'a:1\n:2\n3\n' | $WEIR produce t -K : -Z
	is $'a=1\n=2\n=3' "$($WEIR cat t -K =)"
	is 'a-1|-2|-3|' "$($WEIR cat t -K - -D '|')"
	is 'a-1|N-2|N-3|' "$($WEIR cat t -K - -D '|' --null N)"
	both $WEIR cat t -K : -J
	is 2 "$status"
	both $WEIR cat t -D : -f %s
	is 2 "$status"
	both $WEIR cat t -f %s -J
	is 2 "$status"
}

@test "consume -J: what is not UTF-8 is base64, and jq reads every line" {
	printf '\xff\xfe\nplain\nq"\\\t\n' | $WEIR produce t -H 'h=x' -k $'\xc3'
	$WEIR cat t -J >"$TMP/got"
	jq -e . "$TMP/got" >/dev/null
	is '["//4=","ww==",[["h","x"]]]' "$(jq -c '[.value_b64,.key_b64,.headers]' "$TMP/got" | head -1)"
	is '"plain"' "$(jq .value "$TMP/got" | sed -n 2p)"
	is '"q\"\\\t"' "$(jq .value "$TMP/got" | sed -n 3p)"
	cmp "$TMP/got" <($WEIR cat t -O jsonl)
}

@test "consume -e: with a writer that goes on it still ends" {
	only_way broker
	fill
	mkfifo "$TMP/in"
	$WEIR produce t <"$TMP/in" 3>&- &
	p=$!
	exec 8>"$TMP/in"
	for i in 1 2 3 4 5; do
		echo x >&8
		timeout 10 $WEIR consume t -e >"$TMP/got"
		[ "$(wc -l <"$TMP/got")" -ge 10 ]
	done
	exec 8>&-
	ends $p 10
}

@test "consume: new records come without delay, until SIGINT: 130" {
	only_way broker
	(exec env --default-signal=INT "$WEIR" consume t >"$TMP/got" 2>"$TMP/err" 3>&-) &
	p=$!
	for i in 1 2 3; do
		echo "$i" | $WEIR produce t
		until_true 10 eval '[ "$(wc -l <"$TMP/got")" = '$i' ]'
	done
	kill -INT $p
	ends $p 5
	is 130 "$status"
	is $'1\n2\n3' "$(cat "$TMP/got")"
	is "" "$(cat "$TMP/err")"
}

@test "consume --idle ends after a pause, --require counts" {
	fill
	is 10 "$($WEIR consume t --idle 100ms | wc -l)"
	both $WEIR consume t -e --require 10
	is 0 "$status"
	both $WEIR consume t -e --require 11
	is 1 "$status"
	has "$err" "10 records, 11 required"
	is 10 "$(wc -l <<<"$out")"
}

@test "consume --batches: the bytes of the segment" {
	fill
	seq 1000 | $WEIR produce t -z lz4
	$WEIR cat t --batches >"$TMP/00000000000000000000.log"
	cat "$TMP"/data/t-0/*.log >"$TMP/wanted"
	cmp "$TMP/wanted" "$TMP/00000000000000000000.log"
	is 1010 "$($WEIR segment cat "$TMP/00000000000000000000.log" | wc -l)"
	both $WEIR cat t --batches -J
	is 2 "$status"
}

@test "consume --regex: whole names, and none that matches nothing" {
	fill
	is 30 "$($WEIR cat --regex 'th.*' | wc -l)"
	is 40 "$($WEIR cat --regex 't|three' | wc -l)"
	both $WEIR cat --regex 'thr'
	is 6 "$status"
	both $WEIR cat --regex '('
	is 2 "$status"
	both $WEIR cat 't.*'
	is 2 "$status"
	has "$err" INVALID_TOPIC_EXCEPTION
}

@test "consume: a reader that goes away: silence, and SIGPIPE's status" {
	fill
	seq 100000 | $WEIR produce t
	set +o pipefail
	is v1 "$($WEIR cat t 2>"$TMP/err" | head -1)"
	is "" "$(cat "$TMP/err")"
	bash -c '"$WEIR" cat t | head -1 >/dev/null; echo "${PIPESTATUS[0]}"' >"$TMP/st" 2>"$TMP/err"
	is 141 "$(cat "$TMP/st")"
	is "" "$(cat "$TMP/err")"
}

@test "consume: a reader that goes away while nothing comes is noticed" {
	only_way broker
	echo a | $WEIR produce t
	mkfifo "$TMP/out"
	"$WEIR" consume t >"$TMP/out" 3>&- &
	p=$!
	head -1 "$TMP/out" >/dev/null
	ends $p 10
	is 141 "$status"
}

@test "consume: standard output full or closed: exit 1, once, with the reason" {
	fill
	both sh -c '"$1" cat t >/dev/full' sh "$WEIR"
	is 1 "$status"
	is 1 "$(wc -l <<<"$err")"
	has "$err" "No space left"
	both sh -c '"$1" cat t >&-' sh "$WEIR"
	is 1 "$status"
	has "$err" "cannot write standard output"
}

@test "consume: broker gone in the middle: an error, no success" {
	only_way broker
	fill
	"$WEIR" consume t --timeout 500ms >"$TMP/got" 2>"$TMP/err" 3>&- &
	p=$!
	until_true 10 eval '[ "$(wc -l <"$TMP/got")" = 10 ]'
	stop_broker KILL
	ends $p 20
	is 3 "$status"
	has "$(cat "$TMP/err")" "weir: consume: "
}

@test "consume: a topic deleted in the middle ends with an error" {
	only_way broker
	fill
	"$WEIR" consume t --timeout 1s >"$TMP/got" 2>"$TMP/err" 3>&- &
	p=$!
	until_true 10 eval '[ "$(wc -l <"$TMP/got")" = 10 ]'
	$WEIR topic delete t -y >/dev/null
	ends $p 20
	is 6 "$status"
}

@test "consume --isolation: both levels, and no third" {
	fill
	is 10 "$($WEIR cat t --isolation committed | wc -l)"
	is 10 "$($WEIR cat t --isolation uncommitted | wc -l)"
	is 10 "$($WEIR cat t -X isolation.level=read_uncommitted | wc -l)"
	both $WEIR cat t -X isolation.level=some
	is 2 "$status"
	both $WEIR cat t --isolation some
	is 2 "$status"
}

@test "consume -O schema describes what -J prints" {
	$WEIR consume -O schema | jq -e '.properties.offset.type == "integer"' >/dev/null
}

@test "consume --encode: any bytes as text; --attributes" {
	printf '\xff:\n' | $WEIR produce t -K : -z gzip
	is 'ff-' "$($WEIR cat t --encode hex -K -)"
	is '/w==-' "$($WEIR cat t --encode base64 -K -)"
	is '1 0' "$($WEIR cat t -J --attributes | jq -r '"\(.attrs) \(.epoch)"')"
	both $WEIR cat t --encode hex -J
	is 2 "$status"
	both $WEIR cat t --encode rot13
	is 2 "$status"
}

@test "consume --on-error: what a format cannot show fails, is left out, or comes as it is" {
	printf 'ab\nc\nde\n' | $WEIR produce t
	both $WEIR cat t -f '%o %s{unpack:>H}\n'
	is 8 "$status"
	is '0 24930' "$out"
	has "$err" "record at offset 1: unpack: H takes 2 bytes, 1 are left"
	both $WEIR cat t -f '%o %s{unpack:>H}\n' --on-error skip
	is 0 "$status"
	is $'0 24930\n2 25701' "$out"
	has "$err" "1 record or batch skipped"
	both $WEIR cat t -f '%o %s{unpack:>H}\n' --on-error raw
	is 0 "$status"
	is $'0 24930\nc\n2 25701' "$out"
}

@test "consume --on-error: a damaged batch is named, skip reads on to the end" {
	for i in a b c; do echo $i$i$i$i | $WEIR produce t; done
	stop_broker
	log=$(ls "$TMP"/data/t-0/*.log)
	at=$(grep -abo bbbb "$log" | cut -d: -f1)
	printf X | dd of="$log" bs=1 seek="$at" conv=notrunc 2>/dev/null
	[ "$way" = dir ] || start_broker
	both $WEIR cat t
	is 8 "$status"
	is aaaa "$out"
	has "$err" 'topic "t" partition 0 offset 1'
	has "$err" CORRUPT_MESSAGE
	both timeout 20 $WEIR cat t --on-error skip
	is 0 "$status"
	is $'aaaa\ncccc' "$out"
	has "$err" "skipped: "
	# Also as the last one.
	at=$(grep -abo cccc "$log" | cut -d: -f1)
	stop_broker
	printf X | dd of="$log" bs=1 seek="$at" conv=notrunc 2>/dev/null
	[ "$way" = dir ] || start_broker
	both timeout 20 $WEIR cat t --on-error skip
	is 0 "$status"
	is aaaa "$out"
}

@test "consume --decode: a command makes the value, filters see what it makes" {
	printf 'a:YQ==\nb:eyJ4IjoxfQ==\nc:YmIKYmI=\nd:\n' | $WEIR produce t -K : -Z
	is $'a a\nb {"x":1}\nc bb\nbb\nd ' "$($WEIR cat t --decode 'base64 -d' -f '%k %s\n')"
	is 'b' "$($WEIR cat t --decode 'base64 -d' -G '.x==1' -f '%k')"
	is 't 0 1' "$($WEIR cat t -G k=b --decode 'echo "$WEIR_TOPIC $WEIR_PARTITION $WEIR_OFFSET"')"
	# Much in, much out, and commands that do not read at all.
	head -c 700000 /dev/zero | tr '\0' x | $WEIR produce three -p 0
	is 700001 "$($WEIR cat three --decode cat | wc -c)"
	is 3000000 "$($WEIR cat three -D '' --decode 'head -c 3000000 /dev/zero' | wc -c)"
	is '' "$($WEIR cat three -D '' --decode :)"
}

@test "consume --decode --on-error: fail, skip, raw" {
	printf 'YQ==\n?\nYg==\n' | $WEIR produce t
	both $WEIR cat t --decode 'base64 -d 2>/dev/null'
	is 8 "$status"
	is a "$out"
	has "$err" "record at offset 1: --decode ended with status 1"
	both $WEIR cat t --decode 'base64 -d 2>/dev/null' --on-error skip
	is 0 "$status"
	is $'a\nb' "$out"
	has "$err" "1 record or batch skipped"
	is $'a|?|b|' "$($WEIR cat t --decode 'base64 -d 2>/dev/null' --on-error raw -f '%s|')"
	both $WEIR cat t --decode 'kill -9 $$' --merge
	is 8 "$status"
	has "$err" "--decode died of signal 9"
	is "1" "$($WEIR tail t -e -n 5 --decode 'base64 -d 2>/dev/null' --on-error skip -q -G v=b | wc -l)"
}
