# The world of the examples in the manual pages: a broker with topics, and files, of the names that they
# use. run_example runs one of them in it.
# Examples that go on until they are interrupted.
forever='^weir (broker( --data [^ ]+)?( -l [^ ]+)?( --topic [^ ]+)?( -F [^ ]+)?|consume (-g billing )?[a-z]+( -o end.*| -o @.*)?|tail .*|group watch billing.*|wait (group billing --members .*|record orders .*))$'
# Questions that somebody answers on a terminal.
asks='^weir (topic (delete orders|trim orders .*)|group (delete|forget) billing.*|context rm dev)$'

# examples PAGE: its examples, one a line.
examples() {
	awk '/^\.Sh / { on = /EXAMPLES/ } /^\.Ed/ { inside = 0 } on && inside { print }
		/^\.Bd -literal/ { inside = 1 }' "$1" |
		sed "s/^\\\\&//; s/\\\\-/-/g; s/\\\\(aq/'/g; s/\\\\(dq/\"/g; s/\\\\(ga/\`/g; s/\\\\(ha/^/g; s/\\\\(ti/~/g; s/\\\\e/\\\\/g"
}

local_setup() {
	need jq
	[ -e "$top_builddir/man/made" ] || skip "no pages in this build"
	export XDG_DATA_HOME=$TMP/share PATH=$TMP/bin:$PATH
	export HOME=$TMP
	mkdir -p "$TMP/bin" "$TMP/w" "$TMP/.zfunc" "$TMP/.config/fish/completions"
	ln -s "$WEIR" "$TMP/bin/weir"
	cd "$TMP/w"
	start_broker -X group.initial.rebalance.delay.ms=0 --topic orders:4 --topic orders.eu:1 --topic users:1 --topic logs:1 --topic photos:1 \
		--topic greetings:1 --topic load:1 --topic a:2 --topic b:2 --topic test-1:1
	echo 'ann:1' >users.txt
	printf 'k\ta=x;b=y;\tv\n' >in.tsv
	printf '[topic orders]\n[topic a]\n' >topics.conf
	echo picture >one.jpg
	$WEIR produce orders -K : <<<$'k1:{"n":1}\nk2:{"n":2}\nk3:{"n":3}'
	$WEIR produce orders -p 0 <users.txt
	$WEIR produce a <users.txt
	# A stopped broker's directory, by the names that examples have for it.
	mkdir kept
	cp -r "$TMP/data" kept/data
	rm kept/data/weir.sock
	ln -s kept/data data
	ln -s data/orders-0 orders-0
	cp data/orders-0/00000000000000000000.log .
	# Metadata, version 12, as it stands on a connection, and its answer.
	printf '\0\0\0\x14\0\x03\0\x0c\0\0\0\x01\0\x05check\0\0\0\0\0' >request.bin
	exec 5<>"/dev/tcp/${WEIR_BROKERS%:*}/${WEIR_BROKERS##*:}"
	cat request.bin >&5
	timeout 0.3 cat <&5 >answer.bin || true
	exec 5>&-
}
local_teardown() {
	cd /
	stop_broker
}

# What the topics are like before an example.
prepare() {
	case $1 in
	*'topic create orders'*) $WEIR topic delete -y orders --if-exists ;;
	*'topic add-partitions orders -p 12'*)
		$WEIR topic delete -y orders --if-exists
		$WEIR topic create orders -p 4
		;;
	*)
		[ -z "${changed:-}" ] ||
			$WEIR topic create orders users logs photos a b test-1 orders.eu -p 4 --if-not-exists
		changed=
		;;
	esac
	# What the topics may not be like behind it.
	case $1 in *'topic delete'* | *'topic create'* | *'topic add'*) changed=yes ;; esac
	case $1 in
	*'context add dev'*) $WEIR context rm -y dev ;;
	*'context add prod'*) $WEIR context rm -y prod ;;
	*context*) $WEIR context list --no-header | grep -q '^dev' || $WEIR context add dev ;;
	esac
	case $1 in *billing*) $WEIR consume -g billing -e orders ;; esac
	case $1 in *'topic trim orders -o 0=500,1=700'*)
		seq 800 | $WEIR produce orders -p 0
		seq 800 | $WEIR produce orders -p 1
		;;
	esac
} >/dev/null 2>&1

run_example() {
	local line=$1
	line=${line//\/var\/lib\/kafka\/data/$TMP\/w\/data}
	line=${line//\/etc\/bash_completion.d/$TMP}
	line=${line//\/tmp\/d/$TMP\/d}
	line=${line//\/var\/lib\/weir/$TMP\/data}
	line=${line//k1:9092/$WEIR_BROKERS}
	line=${line//localhost:9092/$WEIR_BROKERS}
	line=${line//make test/true}
	[[ $line != weir\ bench* ]] || line="${line// -c 60000/} -c 200"
	line=${line//@2026-01-31:1h/@now:1h}
	status=0
	prepare "$line"
	if [[ $line =~ $forever ]]; then
		# Interrupted once it says something, or after a while.
		timeout -s INT 0.5 bash -c "$line" >"$TMP/out" 2>&1 </dev/null || status=$?
		[ $status -ne 124 ] || status=0
		# Another test may have the usual port.
		[[ $line != "weir broker"* ]] || ! grep -q 'in use' "$TMP/out" || status=0
	elif [[ $line =~ $asks ]]; then
		echo y | script -qec "$line" /dev/null >"$TMP/out" 2>&1 || status=$?
	else
		timeout 20 bash -c "$line" >"$TMP/out" 2>&1 </dev/null || status=$?
	fi
	[ $status -eq "${2:-0}" ] || { printf 'status %d: %s\n' $status "$line"; cat "$TMP/out"; return 1; }
}
