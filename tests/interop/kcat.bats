#!/usr/bin/env bats
# kcat and librdkafka's own API against weir, in both directions.
load ../cli/common
load ../cli/broker

local_setup() {
	need kcat
	start_broker --topic t:1 --topic three:3
	K="kcat -b $WEIR_BROKERS -m 10"
}

local_teardown() {
	stop_broker
}

# all TOPIC [OPTION...]: kcat prints it to its end, without notices.
all() {
	$K -C -q -e -t "$@"
}

@test "kcat -L: the broker, the topics and their partitions" {
	both $K -L
	is 0 "$status"
	has "$out" "1 brokers:"
	has "$out" "at $WEIR_BROKERS (controller)"
	has "$out" 'topic "three" with 3 partitions:'
	has "$out" 'partition 2, leader '
	is '3' "$($K -L -J -t three | jq '.topics[0].partitions | length')"
	is $'t\nthree' "$($WEIR topic list --no-header -O tsv | cut -f1)"
}

@test "kcat -P: every codec, and weir reads the same" {
	codecs=(none gzip snappy lz4)
	! kcat -V 2>&1 | grep -qi zstd || codecs+=(zstd)
	for z in "${codecs[@]}"; do
		seq 1 500 | sed "s/^/$z /" | $K -P -t t -z "$z" -X linger.ms=300
	done
	is "$(for z in "${codecs[@]}"; do seq 1 500 | sed "s/^/$z /"; done | cksum)" "$($WEIR cat t | cksum)"
	for z in "${codecs[@]}"; do
		is "$z" "$($WEIR cat t -f '%a{compression} %s\n' | awk -v z="$z" '$2 == z { print $1 }' | sort -u)"
	done
}

@test "kcat -P: keys, headers, nulls, partitions" {
	printf 'k1:v1\nk2:v2\n' | $K -P -t t -K: -H a=1 -H a=2 -H b=
	printf 'gone:\n' | $K -P -t t -K: -Z
	is $'k1 v1 [["a","1"],["a","2"],["b",""]]\nk2 v2 [["a","1"],["a","2"],["b",""]]\ngone  []' \
		"$($WEIR cat t -f '%k %s %h{json}\n')"
	is -1 "$($WEIR consume t -o -1 -e -f %S)"
	echo x | $K -P -t three -p 2
	is 2 "$($WEIR cat three -f %p)"
}

@test "kcat -P: a whole file as one record" {
	head -c 50000 /dev/urandom >"$TMP/bin"
	$K -P -t t "$TMP/bin"
	$WEIR cat t -D '' >"$TMP/got"
	cmp "$TMP/bin" "$TMP/got"
}

@test "kcat -C: by offset, from the end, by time, -c, -e" {
	seq 1 10 | sed 's/.*/&000 k& v&/' | $WEIR produce t -f '%T %k %s\n'
	is "$(seq 1 10 | sed 's/^/v/')" "$(all t)"
	is $'v9\nv10' "$(all t -o 8)"
	is $'v10' "$(all t -o -1)"
	is $'v1\nv2' "$(all t -o beginning -c 2)"
	is $'v4\nv5' "$(all t -o s@4000 -o e@6000)"
	is '' "$(all t -o end)"
	is 'k10 v10 9 0 10000 t' "$(all t -o 9 -f '%k %s %o %p %T %t\n')"
	has "$($K -C -e -t t 2>&1 >/dev/null)" 'Reached end of topic t [0] at offset 10'
}

@test "kcat -C reads what weir wrote with every codec, headers and nulls" {
	for z in none gzip snappy lz4 zstd; do
		[ $z = zstd ] && ! kcat -V 2>&1 | grep -qi zstd && continue
		seq 1 100 | sed "s/^/$z /" | $WEIR produce t -z $z -k key -H n=1 -H n=2
	done
	is "$($WEIR cat t | cksum)" "$(all t | cksum)"
	is 'key n=1,n=2' "$(all t -f '%k %h\n' | sort -u)"
	printf 'a:\n' | $WEIR produce t -K : -Z
	is 'a -1' "$(all t -o -1 -f '%k %S')"
}

@test "kcat -C and weir cat print the same bytes for random records" {
	head -c 300000 /dev/urandom | base64 -w 60 | $WEIR produce three -z zstd -K A
	for p in 0 1 2; do
		f='%p %o %T %k=%s\n'
		is "$(all three -p $p -f "$f" | cksum)" "$($WEIR cat three -p $p -f "$f" | cksum)"
	done
}

@test "kcat -Q: offsets by time" {
	seq 1 10 | sed 's/.*/&000 v&/' | $WEIR produce t -f '%T %s\n'
	is "t [0] offset 4" "$($K -Q -t t:0:5000)"
	is "t [0] offset 0" "$($K -Q -t t:0:0)"
}

@test "librdkafka: producer with every codec, consumer by assignment" {
	[ -x "$top_builddir/tests/interop/rdkafka" ] || skip "not built: no librdkafka"
	rdkafka=$top_builddir/tests/interop/rdkafka
	for z in none gzip snappy lz4; do
		"$rdkafka" "$WEIR_BROKERS" produce t 1000 $z
	done
	is "$(for z in 1 2 3 4; do seq 0 999 | sed 's/.*/k& v& h=&/'; done | cksum)" \
		"$($WEIR cat t -f '%k %s %h\n' | cksum)"
	is "$($WEIR consume t -o 3990:+5 -e -f '%o %k %s %h{%v}\n')" \
		"$("$rdkafka" "$WEIR_BROKERS" consume t 0 3990 5)"
	seq 5 | sed 's/.*/k& v&/' | $WEIR produce three -p 1 -f '%k %s\n' -H h=x -z gzip
	is "$(seq 5 | sed 's/.*/k& v& x/')" "$("$rdkafka" "$WEIR_BROKERS" consume three 1 0 5 | cut -d' ' -f2-)"
}

@test "librdkafka: topics made, described, changed, grown, trimmed, deleted" {
	[ -x "$top_builddir/tests/interop/rdkafka" ] || skip "not built: no librdkafka"
	both "$top_builddir/tests/interop/rdkafka" "$WEIR_BROKERS" admin of-rdkafka
	is "" "$err"
	is 0 "$status"
	is $'t\nthree' "$($WEIR topic list --no-header -O tsv | cut -f1)"
}
