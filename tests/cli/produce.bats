#!/usr/bin/env bats
# ways: broker dir
# weir produce: every option, every way to fail.
load common
load broker

local_setup() {
	start_way t:1 many:8
}

local_teardown() {
	stop_way
}

# all [FORMAT]: what topic t holds.
all() {
	"$WEIR" cat t -f "${1:-%s\n}"
}

@test "produce: a line a record, the last one without a line end too" {
	printf 'a\n\nb b\nc' | $WEIR produce t
	is $'a|\n|\nb b|\nc|' "$(all '%s|\n')"
	is 4 "$(all '%o\n' | wc -l)"
}

@test "produce: nothing in, nothing stored, exit 0" {
	both $WEIR produce t </dev/null
	is 0 "$status"
	is "" "$out$err"
	is "" "$(all)"
}

@test "produce: files in their order, - is standard input" {
	printf 'a\nb' >"$TMP/1"
	printf 'c\n' >"$TMP/2"
	echo in | $WEIR produce t "$TMP/1" - "$TMP/2"
	is $'a\nb\nin\nc' "$(all)"
	$WEIR produce -t t "$TMP/2"
	is c "$($WEIR consume t -o -1 -e)"
}

@test "produce: a file that is not there: exit 6, what came before it is stored" {
	echo a >"$TMP/1"
	both $WEIR produce t "$TMP/1" "$TMP/none"
	is 6 "$status"
	has "$err" "$TMP/none: no such file"
	is a "$(all)"
}

@test "produce: a file that cannot be read" {
	both $WEIR produce t "$TMP"
	is 1 "$status"
	has "$err" "$TMP: cannot read: Is a directory"
}

@test "produce: a topic that is not there: exit 6, a hint, and it is not made" {
	both $WEIR produce tt <<<a
	is 6 "$status"
	is "" "$out"
	has "$err" 'weir: produce: no topic "tt"'
	has "$err" 'hint: did you mean "t"?'
	both $WEIR produce quite-another <<<a
	is 6 "$status"
	has "$err" "hint: --create creates it"
	is $'many\nt' "$($WEIR topic list --no-header -O tsv | cut -f1)"
}

@test "produce --create makes the topic, with as many partitions as said" {
	echo a | $WEIR produce new --create=3
	is a "$($WEIR cat new)"
	is 3 "$($WEIR topic list --no-header -O tsv | awk '$1 == "new" { print $2 }')"
	echo b | $WEIR produce new2 --create
	is b "$($WEIR cat new2)"
	echo c | $WEIR produce new --create=9
	is 3 "$($WEIR topic list --no-header -O tsv | awk '$1 == "new" { print $2 }')"
	both $WEIR produce new --create=0 <<<a
	is 2 "$status"
	both $WEIR produce 'bad name' --create <<<a
	is 2 "$status"
	has "$err" INVALID_TOPIC_EXCEPTION
}

@test "produce -k: the key of records without one; -K: the key from the line" {
	printf 'a\nb\n' | $WEIR produce t -k K
	printf 'x:1\ny:2:3\nz\n:\n' | $WEIR produce t -K : -k other
	is $'K=a\nK=b\nx=1\ny=2:3\nother=z\n=' "$(all '%k=%s\n')"
	printf 'x->1\n' | $WEIR produce t -K '->'
	is 'x=1' "$($WEIR consume t -o -1 -e -f '%k=%s')"
}

@test "produce -D: any delimiter, of many bytes, of zero bytes" {
	printf 'a\0b\nb\0' | $WEIR produce t -D '\0'
	printf 'c--d-e---f--' | $WEIR produce t -D --
	printf 'g\r\nh\r\n' | $WEIR produce t -D '\r\n'
	is "$(printf 'a|b\nb|c|d-e|-f|g|h|')" "$(all '%s|')"
	both $WEIR produce t -D '' <<<a
	is 2 "$status"
	has "$err" "delimiter is empty"
	both $WEIR produce t -D '\q' <<<a
	is 2 "$status"
	has "$err" "unknown escape"
}

@test "produce -H: headers of every record, null without =, after its own" {
	echo v | $WEIR produce t -H a=1 -H b= -H c -H a=2=3
	is '[["a","1"],["b",""],["c",null],["a","2=3"]]' "$(all '%h{json}')"
	printf 'x=y;\tw\n' | $WEIR produce t -f '%h{%k=%v;}\t%s\n' -H a=1
	is 'x=y a=1 ' "$($WEIR consume t -o -1 -e -f '%h{%k=%v }')"
	both $WEIR produce t -H =x <<<a
	is 2 "$status"
}

@test "produce -p: into that partition; one that is not there: nothing is stored" {
	printf 'a\nb\n' | $WEIR produce many -p 3
	is $'3 a\n3 b' "$($WEIR cat many -f '%p %s\n')"
	both $WEIR produce many -p 8 <<<c
	is 6 "$status"
	has "$err" 'topic "many" has partitions 0 to 7, no 8'
	is 2 "$($WEIR cat many | wc -l)"
	both $WEIR produce many -p x <<<c
	is 2 "$status"
}

@test "produce: equal keys share a partition, and it is the one Java would choose" {
	printf '%s\n' 21 foobar a-little-bit-long-string a-little-bit-longer-string lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8 abc |
		$WEIR produce many -f '%k\n'
	# murmur2 & 0x7fffffff, modulo 8.
	is "$(printf '%s\n' '21 4' 'foobar 6' 'a-little-bit-long-string 0' \
		'a-little-bit-longer-string 3' 'lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8 5' 'abc 3' | sort)" \
		"$($WEIR cat many -f '%k %p\n' | sort)"
}

@test "produce -Z: empty is null; --null: that text is null; null as text is text" {
	printf ':\na:\n:b\n' | $WEIR produce t -K : -Z
	printf 'NULL:x\nx:NULL\nnull:null\n' | $WEIR produce t -K : --null NULL
	is $'null null\n"a" null\nnull "b"\nnull "x"\n"x" null\n"null" "null"' "$(all '%k{json} %s{json}\n')"
}

@test "produce --timestamp: of records without their own" {
	echo a | $WEIR produce t --timestamp 2026-01-31T10:00:00Z
	echo '{"value":"b","ts":5}' | $WEIR produce t -J --timestamp @x 2>/dev/null || true
	echo '{"value":"b","ts":5}' | $WEIR produce t -J --timestamp 1700000000000
	is $'a 2026-01-31T10:00:00.000Z\nb 1970-01-01T00:00:00.005Z' "$(all '%s %T{iso}\n')"
	both $WEIR produce t --timestamp soon <<<a
	is 2 "$status"
}

@test "produce -c: ends after so many" {
	seq 10 | $WEIR produce t -c 3
	is $'1\n2\n3' "$(all)"
	both $WEIR produce t -c 0 <<<a
	is 0 "$status"
	is 3 "$(all | wc -l)"
}

@test "produce -z: every codec, and they read the same" {
	for z in none gzip snappy lz4 zstd; do
		seq 100 | $WEIR produce t -z $z -k $z
	done
	is "$(for z in none gzip snappy lz4 zstd; do seq 100 | sed "s/^/$z $z /"; done | cksum)" \
		"$(all '%k %a{compression} %s\n' | cksum)"
	both $WEIR produce t -z rar <<<a
	is 2 "$status"
	has "$err" zstd
}

@test "produce --acks: all, the leader, nobody" {
	for a in all 1 0 -1; do echo "$a" | $WEIR produce t --acks $a; done
	until_true 5 eval '[ "$(all | wc -l)" = 4 ]'
	both $WEIR produce t --acks 2 <<<a
	is 2 "$status"
}

@test "produce -J: what consume -J prints; broken lines are named" {
	cat >"$TMP/in" <<-'END'
		{"key":"k","value":"v","headers":[["a","x"],["a",null]],"ts":1700000000000}
		{"key":null,"value":null}
		{"key_b64":"//4=","value_b64":"AAE="}
		{"value":"\u00e4\n\u0000"}
	END
	$WEIR produce t -J "$TMP/in"
	$WEIR cat t -J >"$TMP/one"
	$WEIR produce many -p 0 -J "$TMP/one"
	is "$(jq -cS 'del(.topic)' "$TMP/one")" "$($WEIR cat many -J | jq -cS 'del(.topic)')"
	is '"//4="' "$(jq -s '.[2].key_b64' "$TMP/one")"
	printf '{"value":"fine"}\n{"value":\n' >"$TMP/in"
	both $WEIR produce t -J "$TMP/in"
	is 8 "$status"
	has "$err" "$TMP/in: record 2"
	is fine "$($WEIR consume t -o -1 -e)"
	both $WEIR produce t -J <<<'{"valeu":"x"}'
	is 8 "$status"
	has "$err" 'no "value"'
}

@test "produce -f: a format that prints reads the same back" {
	printf '1\ta=b;\tone\n\t\ttwo\n' | $WEIR produce t -f '%k\t%h{%k=%v;}\t%s\n'
	$WEIR cat t -f '%K %V %k%s%H %h{%K %V %k%v}' >"$TMP/in"
	$WEIR produce t "$TMP/in" -f '%K %V %k%s%H %h{%K %V %k%v}'
	is $'1 a=b one\n  two\n1 a=b one\n  two' "$(all '%k %h %s\n')"
	both $WEIR produce t -f '%k%s\n' <<<ab
	is 2 "$status"
	has "$err" "cannot be read back: no text between the key and the value"
	has "$err" "^"
	both $WEIR produce t -f '%w\n' <<<ab
	is 2 "$status"
	is 4 "$(all | wc -l)"
}

@test "produce: -f, -J and --whole exclude each other, -K and -D are for lines" {
	for o in '-f %s -J' '-J --whole' '-f %s --whole' '-J -K :' '--whole -D x' '-f %s -K :'; do
		both $WEIR produce t $o <<<a
		is 2 "$status"
	done
}

@test "produce --whole: a file is a record, whatever is in it" {
	head -c 100000 /dev/urandom >"$TMP/bin"
	printf 'a\nb\n' >"$TMP/text"
	: >"$TMP/empty"
	$WEIR produce t --whole "$TMP/bin" "$TMP/text" "$TMP/empty"
	$WEIR cat t -c 1 -D '' >"$TMP/got"
	cmp "$TMP/bin" "$TMP/got"
	is '100000 4 0 ' "$(all '%S ')"
	$WEIR produce t --whole <"$TMP/text"
	is '4 ' "$($WEIR consume t -o -1 -e -f '%S ')"
}

@test "produce: binary and invalid UTF-8 come back byte for byte" {
	{ head -c 200000 /dev/urandom; echo; } >"$TMP/bin"
	printf '\xff\xfe\n\xc3\x28\n' >>"$TMP/bin"
	$WEIR produce t "$TMP/bin"
	$WEIR cat t >"$TMP/got"
	cmp "$TMP/bin" "$TMP/got"
}

@test "produce -T: a copy on standard output" {
	both $WEIR produce t -T <<<$'a\nb'
	is $'a\nb' "$out"
	both $WEIR produce t -T -K : <<<'k:v'
	is 'k:v' "$out"
	both $WEIR produce t -T -f '%k=%s\n' <<<'k=v'
	is 'k=v' "$out"
}

@test "produce --report: each record once it is stored" {
	both $WEIR produce t -K : --report '%t %p %o %k %s %H %i\n' -H a=b <<<$'k:v\nl:w'
	is $'t 0 0 k v 1 1\nt 0 1 l w 1 2' "$out"
	both $WEIR produce t --report '%q' <<<a
	is 2 "$status"
	has "$err" "--report: "
}

@test "produce --rate: not faster than said" {
	start=$(date +%s%N)
	seq 6 | $WEIR produce t --rate 10/s
	is 6 "$(all | wc -l)"
	[ $(($(date +%s%N) - start)) -ge 500000000 ]
	both $WEIR produce t --rate 10/y <<<a
	is 2 "$status"
	both $WEIR produce t --rate 0 <<<a
	is 2 "$status"
}

@test "produce --dry-run: reads and checks all, stores nothing" {
	both $WEIR produce t --dry-run -v <<<a
	is 0 "$status"
	has "$err" "1 record not sent"
	is "" "$(all)"
	both $WEIR produce t --dry-run -J <<<x
	is 8 "$status"
	both $WEIR produce new --create --dry-run <<<a
	is 0 "$status"
	is 2 "$($WEIR topic list --no-header | wc -l)"
}

@test "produce: a record over the topic's limit: exit 8 with the name, those before it are stored" {
	{ echo small; head -c 2000000 /dev/zero | tr '\0' x; } >"$TMP/in"
	both $WEIR produce t "$TMP/in"
	is 8 "$status"
	has "$err" "MESSAGE_TOO_LARGE"
	has "$err" "max.message.bytes"
	is small "$($WEIR consume t -o -1 -e)"
}

@test "produce: as JSON the error is an object on standard error" {
	both $WEIR produce tt -O json <<<a
	is 6 "$status"
	is "" "$out"
	is '6 UNKNOWN_TOPIC_OR_PARTITION 3 did you mean "t"? true' \
		"$(jq -r '.error | "\(.exit) \(.kafka) \(.code) \(.hint) \(.retriable)"' <<<"$err")"
}

@test "produce: no topic, no such option" {
	both $WEIR produce
	is 2 "$status"
	has "$err" "no topic given"
	both $WEIR produce t --wole
	is 2 "$status"
	has "$err" "--whole"
}

@test "produce: no broker there: exit 3, the address and where it comes from" {
	unset WEIR_DIR
	both env WEIR_BROKERS=127.0.0.1:1 $WEIR produce t <<<a
	is 3 "$status"
	has "$err" "127.0.0.1:1"
	has "$err" "WEIR_BROKERS"
	both $WEIR produce -b 127.0.0.1:1 t <<<a
	is 3 "$status"
	has "$err" "--brokers"
}

@test "produce: standard output full or closed" {
	both sh -c 'echo a | "$1" produce t -T >/dev/full' sh "$WEIR"
	is 1 "$status"
	has "$err" "No space left"
	both sh -c 'echo a | "$1" produce t --report "%o\n" >/dev/full' sh "$WEIR"
	is 1 "$status"
	both sh -c 'echo a | "$1" produce t -T >&-' sh "$WEIR"
	is 1 "$status"
	is $'a\na\na' "$(all)"
}

@test "produce: a pause in the input does not hold records back" {
	only_way broker
	mkfifo "$TMP/in"
	$WEIR produce t <"$TMP/in" 3>&- &
	p=$!
	exec 8>"$TMP/in"
	echo a >&8
	until_true 10 eval '[ "$(all)" = a ]'
	echo b >&8
	until_true 10 eval '[ "$(all)" = $'"'a\nb'"' ]'
	exec 8>&-
	ends $p 10
	is 0 "$status"
}

@test "produce: SIGINT ends it with 130, what was read is stored" {
	only_way broker
	mkfifo "$TMP/in"
	(trap - INT; exec env --default-signal=INT "$WEIR" produce t <"$TMP/in" 2>"$TMP/err" 3>&-) &
	p=$!
	exec 8>"$TMP/in"
	printf 'a\nb\n' >&8
	until_true 10 eval '[ "$(all | wc -l)" = 2 ]'
	kill -INT $p
	ends $p 10
	exec 8>&-
	is 130 "$status"
	is "" "$(cat "$TMP/err")"
	is $'a\nb' "$(all)"
}

@test "produce: the broker dies in the middle: no success is claimed" {
	only_way broker
	mkfifo "$TMP/in"
	"$WEIR" produce t -X delivery.timeout.ms=500 <"$TMP/in" 2>"$TMP/err" 3>&- &
	p=$!
	exec 8>"$TMP/in"
	echo a >&8
	until_true 10 eval '[ "$(all)" = a ]'
	stop_broker KILL
	echo b >&8
	exec 8>&-
	ends $p 20
	[ "$status" -ne 0 ]
	has "$(cat "$TMP/err")" "weir: produce: "
}

@test "produce --encode: hex and base64 of keys and values" {
	printf '6b:00FF\n:\n' | $WEIR produce t -K : --encode hex
	printf 'aw==:AP8=\n' | $WEIR produce t -K : --encode base64 -Z
	is $'6b 00ff\n \n6b 00ff' "$(all '%k{hex} %s{hex}\n')"
	$WEIR cat t --encode base64 -K : >"$TMP/in"
	$WEIR produce many -p 0 -K : --encode base64 "$TMP/in"
	is "$(all '%k{hex} %s{hex}\n')" "$($WEIR cat many -f '%k{hex} %s{hex}\n')"
	for bad in zz 123 'a b'; do
		both $WEIR produce t --encode hex <<<"$bad"
		is 8 "$status"
		has "$err" "standard input: record 1: value is not hex"
	done
	both $WEIR produce t --encode hex -J <<<1
	is 2 "$status"
	is 3 "$(all | wc -l)"
}

@test "produce --json-values: a value that is JSON itself" {
	both $WEIR produce t -J <<<'{"value":{"x":1}}'
	is 8 "$status"
	printf '{"value":{"x": 1}}\n{"value":[1]}\n{"value":"s"}\n{"value":null}\n' | $WEIR produce t -J --json-values
	is '{"x": 1}|[1]|s||' "$(all '%s|')"
	is '{"x":1}' "$($WEIR cat t -J --json-values -c 1 | jq -c .value)"
}

@test "produce --on-error skip: bad records are left out, named and counted" {
	printf '{"value":"a"}\nbad\n{"value":5}\n{"value":"b"}' >"$TMP/in"
	both $WEIR produce t -J "$TMP/in" --on-error skip
	is 0 "$status"
	has "$err" "skipped: $TMP/in: record 2: "
	has "$err" "skipped: $TMP/in: record 3: "
	has "$err" "2 records skipped"
	is $'a\nb' "$(all)"
	printf '1 a\nx b\n2 c\n' | $WEIR produce t -q -f '%T %s\n' --on-error skip
	is $'a\nc' "$($WEIR consume t -o 2 -e)"
	{ echo d; head -c 2000000 /dev/zero | tr '\0' x; echo; echo e; } >"$TMP/in"
	both $WEIR produce t "$TMP/in" --on-error skip
	is 0 "$status"
	has "$err" "1 record skipped"
	is $'d\ne' "$($WEIR consume t -o 4 -e)"
	both $WEIR produce t -f '%S %s' --on-error skip <<<'x y'
	is 2 "$status"
}

@test "produce --batches: what consume --batches writes, compressed as it was" {
	for z in none gzip snappy lz4 zstd; do
		seq 200 | sed 's/.*/k& v&/' | $WEIR produce t -z $z -K ' ' -H h=$z
	done
	$WEIR cat t --batches >"$TMP/batches"
	$WEIR produce many -p 5 --batches "$TMP/batches"
	f='%o %T %k %s %h %a{compression}\n'
	is "$(all "$f" | cksum)" "$($WEIR cat many -p 5 -f "$f" | cksum)"
	cat "$TMP/batches" "$TMP/batches" | $WEIR produce t --batches --report '%p %o\n' | tail -1 >"$TMP/got"
	is '0 2999' "$(cat "$TMP/got")"
	is 3000 "$(all | wc -l)"
}

@test "produce --batches: cut, damaged, no batches, no partition" {
	echo abcd | $WEIR produce t
	$WEIR cat t --batches >"$TMP/one"
	size=$(wc -c <"$TMP/one")
	cat "$TMP/one" >"$TMP/in"
	head -c $((size - 1)) "$TMP/one" >>"$TMP/in"
	both $WEIR produce t --batches "$TMP/in"
	is 8 "$status"
	has "$err" "$TMP/in: ends inside the batch at byte $size"
	is 2 "$(all | wc -l)"
	{ cat "$TMP/one"; sed s/abcd/abcX/ "$TMP/one"; cat "$TMP/one"; } >"$TMP/in"
	both $WEIR produce t --batches "$TMP/in"
	is 8 "$status"
	has "$err" "$TMP/in: batch at byte $size: "
	both $WEIR produce t --batches "$TMP/in" --on-error skip
	is 0 "$status"
	is 5 "$(all | wc -l)"
	both $WEIR produce t --batches <<<"no batches are in this text, of course"
	is 8 "$status"
	has "$err" "standard input: no batch at byte 0"
	both $WEIR produce many --batches "$TMP/one"
	is 2 "$status"
	has "$err" "-p says which"
	both $WEIR produce many -p 8 --batches "$TMP/one"
	is 6 "$status"
	both $WEIR produce t --batches -z gzip "$TMP/one"
	is 2 "$status"
	$WEIR produce t --batches </dev/null
	is 5 "$(all | wc -l)"
}
