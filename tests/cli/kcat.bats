#!/usr/bin/env bats
# weir kcat beside kcat 1.7.1: the same lines to both, against the same broker; output, notices and
# exit status are the same. What differs on purpose is in man/prose/weir-kcat.
load common
load broker

local_setup() {
	need kcat
	export HOME=$TMP KCAT_CONFIG=
	start_broker --topic t:1 --topic three:3 --topic empty:2
	seq 5 | sed 's/.*/k&:v&/' | kcat -b "$WEIR_BROKERS" -P -t t -K : -H a=x -H b= -H c -X linger.ms=0
	seq 30 | sed 's/.*/k&:v&/' | kcat -b "$WEIR_BROKERS" -P -t three -K :
	# Some lines without notices of when each partition came to its end.
	base=$(date +%s000)
}

local_teardown() {
	stop_broker
}

# Both programs run the line; input is $input. Sets nothing; shows what differs.
same() {
	local a=0 b=0
	"$(type -P kcat)" -b "$WEIR_BROKERS" "$@" <<<"${input:-}" >"$TMP/out.kcat" 2>"$TMP/err.kcat" || a=$?
	"$WEIR" kcat -b "$WEIR_BROKERS" "$@" <<<"${input:-}" >"$TMP/out.weir" 2>"$TMP/err.weir" || b=$?
	is "$a" "$b"
	diff "$TMP/out.kcat" "$TMP/out.weir"
	# Partitions end in any order: the last one is told to be it.
	for who in kcat weir; do
		sed -E 's/: exiting$//; s/(memberid )[^)]*/\1M/; /^%[0-9]/d' "$TMP/err.$who" |
			sort >"$TMP/err"
		mv "$TMP/err" "$TMP/err.$who"
	done
	diff "$TMP/err.kcat" "$TMP/err.weir"
}

@test "kcat: consume, by every option" {
	same -C -t t -e
	same -C -t t -e -q
	same -C -t t -o beginning -e -K '|' -D '\n--\n'
	same -C -t t -o 2 -e
	same -C -t t -o -2 -e
	same -C -t t -o -99 -e
	same -C -t t -o end -e
	same -C -t t -o 99 -e
	same -C -t t -c 2 -u
	same -C -t empty -e
	same -C -t three -p 1 -e
	same -C -t t -e -f '%t|%p|%o|%k|%K|%s|%S|%T|%h|%%|\t|\x41\n'
	same -C -t t -e -f '%R' -c 1
	same -C -t t -o s@1 -e
	same -C -t t -o s@99999999999999 -e
	same -C -t t -o e@1 -e
	same -C -t t -e -Z -f '%k,%s,%h\n'
	same -C -t t -s value=c -f '%s ' -e
	same -C -t t -J -e
}

@test "kcat: three partitions give the same records" {
	"$WEIR" kcat -b "$WEIR_BROKERS" -C -t three -e -q -f '%p %o %k %s\n' | sort >"$TMP/a"
	kcat -b "$WEIR_BROKERS" -C -t three -e -q -f '%p %o %k %s\n' | sort >"$TMP/b"
	is 30 "$(wc -l <"$TMP/a")"
	cmp "$TMP/a" "$TMP/b"
}

@test "kcat: produce, and the key goes to the same partition" {
	for who in kcat weir; do
		$WEIR topic create "p-$who" -p 7 -q >/dev/null
		run_as() { if [ "$who" = kcat ]; then kcat -b "$WEIR_BROKERS" "$@"; else "$WEIR" kcat -b "$WEIR_BROKERS" "$@"; fi; }
		seq 50 | sed 's/.*/key&:value &/' | run_as -P -t "p-$who" -K : -H h=1 -H n -z gzip
		printf 'a||b||:c' | run_as -P -t "p-$who" -D '||' -p 3
		printf ':x\nk:\nplain\n\n' | run_as -P -t "p-$who" -K : -Z -p 2
		printf 'fixed\n' | run_as -P -t "p-$who" -k the-key
		printf 'one\ntwo\nthree\n' | run_as -P -t "p-$who" -c 2 -p 4
		printf 'whole\nfile\n' >"$TMP/file"
		run_as -P -t "p-$who" -p 5 "$TMP/file" "$TMP/none" 2>"$TMP/files.$who"
		run_as -P -t "p-$who" -p 6 -l "$TMP/file"
		kcat -b "$WEIR_BROKERS" -C -t "p-$who" -e -q -Z -f '%p %o %k %K %s %S %h\n' | sort >"$TMP/$who"
	done
	diff "$TMP/kcat" "$TMP/weir"
	grep -q 'Failed to produce from 1/2 files' "$TMP/files.weir"
	input='a
b' same -P -t t -T
}

@test "kcat: a topic that the broker may create" {
	input=new same -P -t created-by-kcat
	is new "$($WEIR cat created-by-kcat -c 1)"
	echo new | "$WEIR" kcat -b "$WEIR_BROKERS" -P -t created-by-weir
	is new "$($WEIR cat created-by-weir)"
}

@test "kcat: metadata, as text and JSON" {
	same -L -t three
	same -L -J -t three
	same -Q -t three:0:0 -t t:0:99999999999999
	same -Q -J -t three:1:0
	kcat -b "$WEIR_BROKERS" -L | sort >"$TMP/a"
	"$WEIR" kcat -b "$WEIR_BROKERS" -L | sort >"$TMP/b"
	diff "$TMP/a" "$TMP/b"
}

@test "kcat: what is refused, and with which status" {
	same -C -t three -p 9 -e
	same -C -P -t t
	same -C -t t -f '%q'
	same -C -t t -s value=y
	same -P -t t -D ''
	same -X no.such.property=1 -L
	for line in "-t t -e" "-b x:1 -C -e"; do
		a=0 b=0
		kcat $line >/dev/null 2>"$TMP/a" || a=$?
		"$WEIR" kcat $line >/dev/null 2>"$TMP/b" || b=$?
		is "$a" "$b"
		is "$(head -1 "$TMP/a")" "$(head -1 "$TMP/b")"
	done
	# Not created by reading: one of kcat's faults that are not copied.
	both "$WEIR" kcat -b "$WEIR_BROKERS" -C -t nope -e
	is 1 "$status"
	is "% ERROR: Topic nope error: Broker: Unknown topic or partition" "$err"
	is "" "$($WEIR topic list --no-header | grep nope || true)"
}

@test "kcat: configuration files and properties" {
	echo "metadata.broker.list=$WEIR_BROKERS" >"$TMP/conf"
	is 5 "$($WEIR kcat -F "$TMP/conf" -C -t t -e -q | wc -l)"
	is 5 "$(KCAT_CONFIG=$TMP/conf $WEIR kcat -C -t t -e -q | wc -l)"
	mkdir -p "$TMP/.config"
	cp "$TMP/conf" "$TMP/.config/kcat.conf"
	is 5 "$($WEIR kcat -C -t t -e -q | wc -l)"
	is "5" "$($WEIR kcat -C -t t -e -q -o end -X auto.offset.reset=earliest -o 99 | wc -l)"
	has "$($WEIR kcat -X list)" "compression.codec"
	has "$($WEIR kcat -X linger.ms=7 -X dump)" "linger.ms = 7"
}

@test "kcat: by its name, and head -1 is silent" {
	ln -s "$WEIR" "$TMP/kcat"
	is 5 "$("$TMP/kcat" -b "$WEIR_BROKERS" -C -t t -e -q | wc -l)"
	seq 100000 | $WEIR produce t
	status=0
	"$TMP/kcat" -b "$WEIR_BROKERS" -C -t t -e -q 2>"$TMP/err" | head -1 >"$TMP/out" || status=$?
	is v1 "$(cat "$TMP/out")"
	is "" "$(cat "$TMP/err")"
}

@test "kcat: -G reads as a member of a group, and goes on where it stopped" {
	for who in kcat weir; do
		run_as() { if [ "$who" = kcat ]; then kcat -b "$WEIR_BROKERS" "$@"; else "$WEIR" kcat -b "$WEIR_BROKERS" "$@"; fi; }
		run_as -G "g-$who" -o beginning -e -f '%t %p %o %s\n' three t 2>"$TMP/err.$who" | sort >"$TMP/$who"
		is 35 "$(wc -l <"$TMP/$who")"
		grep -q '^% Waiting for group rebalance$' "$TMP/err.$who"
		grep -qE '^% Group g-.* rebalanced \(memberid .*\): assigned: ' "$TMP/err.$who"
	done
	diff "$TMP/kcat" "$TMP/weir"
	echo later | $WEIR produce t
	is later "$($WEIR kcat -b "$WEIR_BROKERS" -G g-weir -e -q t)"
}

@test "kcat: a property that is taken and not said to be without effect has one" {
	# Each name of Kafka's in the table is looked up by code that kcat runs.
	local name
	while read -r name; do
		grep -q "\"$name\"" "$top_srcdir"/cli/kcat_[cpf]*.c "$top_srcdir"/cli/kcat.c \
			"$top_srcdir"/cli/client_props*.c "$top_srcdir"/cli/connect.c ||
			{ echo "nothing reads $name"; return 1; }
	done < <(sed -n 's/^KCAT_PROP(".*", "\(.*\)")$/\1/p' "$top_srcdir/cli/kcat_props.def" | sort -u)
	both $WEIR kcat -b "$WEIR_BROKERS" -C -t t -e -q -X fetch.wait.max.ms=7 -X fetch.message.max.bytes=777 -d all
	has "$err" "max_wait_ms:7,"
	has "$err" "partition_max_bytes:777,"
	both $WEIR kcat -b "$WEIR_BROKERS" -G g -e -q -X partition.assignment.strategy=roundrobin -X heartbeat.interval.ms=0 t
	is 1 "$status"
	both $WEIR kcat -b "$WEIR_BROKERS" -G g -o beginning -e -q -X partition.assignment.strategy=roundrobin -d all t
	has "$err" 'name:"roundrobin"'
	[[ $err != *'name:"range"'* ]]
}

@test "kcat and bench: a dry run sends nothing" {
	for args in "kcat -b $WEIR_BROKERS -P -t t" "kcat -b $WEIR_BROKERS -G g t" "bench produce t -c 3" "bench latency t -c 3"; do
		# shellcheck disable=SC2086
		both $WEIR --dry-run $args <<<x
		is 2 "$status"
		has "$err" "dry"
	done
	is 5 "$($WEIR cat t | wc -l)"
	is 5 "$($WEIR -b "$WEIR_BROKERS" kcat -C -t t -e -q | wc -l)"
}
