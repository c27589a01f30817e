#!/usr/bin/env bats
# weir broker: its options, its end, what it refuses. What its clients see is tested elsewhere.
load common
load broker

local_setup() { export XDG_DATA_HOME=$TMP/share; }
local_teardown() { stop_broker KILL; }

@test "the ready line, the lock, a clean stop" {
	"$WEIR" broker --data "$TMP/d" -l 127.0.0.1:0 >"$TMP/out" 2>"$TMP/log" 3>&- &
	broker=$!
	until_true 20 test -s "$TMP/out"
	[[ $(cat "$TMP/out") =~ ^listening\ 127\.0\.0\.1:[0-9]+\ cluster\ [A-Za-z0-9_-]{22}$ ]]
	is "$(sed -n 's/^cluster.id=//p' "$TMP/d/meta.properties")" "$(cut -d ' ' -f 4 "$TMP/out")"
	both "$WEIR" broker --data "$TMP/d" -l 127.0.0.1:0
	is 7 "$status"
	is "" "$out"
	has "$err" "$TMP/d"
	has "$err" "$broker"
	kill -TERM $broker
	ends $broker 10
	is 0 "$status"
	[ -e "$TMP/d/.kafka_cleanshutdown" ]
	is "" "$(cat "$TMP/log")"
}

@test "alone: data in XDG_DATA_HOME, 127.0.0.1:9092" {
	if (exec 3<>/dev/tcp/127.0.0.1/9092) 2>/dev/null; then skip "port 9092 is in use"; fi
	"$WEIR" broker >"$TMP/out" 2>"$TMP/log" 3>&- &
	broker=$!
	until_true 20 test -s "$TMP/out" || { grep -q "in use" "$TMP/log" && skip "port 9092 is in use"; }
	has "$(cat "$TMP/out")" "listening 127.0.0.1:9092 "
	[ -e "$TMP/share/weir/meta.properties" ]
}

@test "--ready-fd, --topic, a second start keeps what there was" {
	start_broker --topic a:3 --topic b
	is "a 3,b 1" "$($WEIR topic list --no-header | cut -f 1,2 | tr '\t' ' ' | paste -sd ,)"
	echo x | $WEIR produce a -p 2
	id=$($WEIR cluster info --no-header | cut -f 9)
	stop_broker
	start_broker --topic a:9
	is 3 "$($WEIR topic list a --no-header | cut -f 2)"
	is x "$($WEIR cat a)"
	is "$id" "$($WEIR cluster info --no-header | cut -f 9)"
}

@test "several listeners; what each advertises" {
	start_broker -l 127.0.0.1:0 -l 127.0.0.1:0 --advertise weir.test:1234
	# The ready line tells where the first one listens; the first is told by the name, the others by
	# their own ports.
	is weir.test:1234 "$($WEIR cluster info --no-header | cut -f 2,3 | tr '\t' :)"
	ports=$(cd /proc/$broker/fd && for fd in *; do readlink "$fd"; done | sed -n 's/^socket:\[\(.*\)\]$/\1/p' |
		while read -r inode; do awk -v i="$inode" '$10 == i && $4 == "0A" { split($2, a, ":"); print a[2] }' \
			/proc/net/tcp; done | sort -u | while read -r hex; do echo $((16#$hex)); done)
	is 3 "$(wc -l <<<"$ports")"
	for port in $ports; do
		[ "127.0.0.1:$port" = "$WEIR_BROKERS" ] || is "127.0.0.1:$port" \
			"$($WEIR -b 127.0.0.1:$port cluster info --no-header | cut -f 2,3 | tr '\t' :)"
	done
	both "$WEIR" broker --ephemeral -l 127.0.0.1:0 --advertise a:1 --advertise b:2
	is 2 "$status"
	has "$err" "2 times --advertise for 1 listeners"
}

@test "--ephemeral -- CMD: address, status, nothing left behind" {
	export TMPDIR=$TMP/tmp
	mkdir "$TMPDIR"
	is "hello" "$("$WEIR" broker --ephemeral --topic t:2 -- sh -c "echo hello | $WEIR produce t; $WEIR cat t")"
	is "" "$(ls -A "$TMPDIR")"
	both "$WEIR" broker --ephemeral -- sh -c 'exit 42'
	is 42 "$status"
	is "" "$err"
	both "$WEIR" broker --ephemeral -- sh -c 'kill -9 $$'
	is 137 "$status"
	both "$WEIR" broker --ephemeral -- /no/such/command
	is 127 "$status"
	both "$WEIR" broker --ephemeral -- /etc/passwd
	is 126 "$status"
	both "$WEIR" broker --ephemeral --
	is 2 "$status"
	has "$err" 'nothing behind "--"'
	is "" "$(ls -A "$TMPDIR")"
	both "$WEIR" broker --ephemeral --data "$TMP/d"
	is 2 "$status"
}

@test "--ephemeral: SIGTERM and SIGINT go to CMD, and everything goes" {
	export TMPDIR=$TMP/tmp
	mkdir "$TMPDIR"
	for sig in TERM INT; do
		# A shell has its background jobs ignore SIGINT.
		perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$WEIR" broker --ephemeral -- sh -c "echo up >'$TMP/up'; exec sleep 60" 2>"$TMP/log" 3>&- &
		broker=$!
		until_true 20 test -s "$TMP/up"
		kill -$sig $broker
		ends $broker 10
		is $((128 + $(kill -l $sig))) "$status"
		is "" "$(ls -A "$TMPDIR")"
		rm "$TMP/up"
	done
	"$WEIR" broker --ephemeral >"$TMP/out" 2>"$TMP/log" 3>&- &
	broker=$!
	until_true 20 test -s "$TMP/out"
	kill -INT $broker
	ends $broker 10
	is 0 "$status"
	is "" "$(ls -A "$TMPDIR")"
}

@test "a port in use: exit 7 and the address" {
	start_broker
	both "$WEIR" broker --data "$TMP/other" -l "$WEIR_BROKERS"
	is 7 "$status"
	is "" "$out"
	has "$err" "$WEIR_BROKERS"
}

@test "a directory that cannot be" {
	echo x >"$TMP/file"
	both "$WEIR" broker --data "$TMP/file/d" -l 127.0.0.1:0
	is 1 "$status"
	has "$err" "$TMP/file"
	both "$WEIR" broker --data "$TMP/d" -l not-an-address:x
	is 2 "$status"
	both "$WEIR" --dir "$TMP/none" topic list
	is 6 "$status"
	has "$err" "weir broker --data $TMP/none makes one"
	[ ! -e "$TMP/none" ]
}

@test "-X: settings, unknown ones with the nearest, values out of range" {
	start_broker -X log.retention.hours=2 -X num.partitions=5
	is 7200000 "$($WEIR topic create t >/dev/null; $WEIR config get topic:t retention.ms --no-header | cut -f 3)"
	is 5 "$($WEIR topic list t --no-header | cut -f 2)"
	has "$($WEIR config get broker:1 --no-header)" $'num.partitions\t5\tfile'
	is 7200000 "$($WEIR config set topic:t retention.ms=1 >/dev/null
		$WEIR config set topic:t -d retention.ms --dry-run --no-header | cut -f 4)"
	both "$WEIR" broker --data "$TMP/d" -X num.partitons=5
	is 2 "$status"
	has "$err" "did you mean num.partitions?"
	both "$WEIR" broker --data "$TMP/d" -X num.partitions=0
	is 2 "$status"
	has "$err" "num.partitions"
	both "$WEIR" broker --data "$TMP/d" -X num.partitions
	is 2 "$status"
	has "$err" "KEY=VALUE"
	[ ! -e "$TMP/d" ]
}

@test "-F: Kafka's server.properties as it is, with one warning" {
	cat >"$TMP/server.properties" <<-END
		process.roles=broker,controller
		node.id=5
		controller.quorum.bootstrap.servers=localhost:9093
		listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0
		inter.broker.listener.name=PLAINTEXT
		controller.listener.names=CONTROLLER
		listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL
		num.network.threads=3
		num.io.threads=8
		socket.send.buffer.bytes=102400
		log.dirs=$TMP/logs
		num.partitions=2
		num.recovery.threads.per.data.dir=1
		offsets.topic.replication.factor=1
		transaction.state.log.replication.factor=1
		log.retention.hours=168
		log.segment.bytes=1073741824
	END
	"$WEIR" broker -F "$TMP/server.properties" >"$TMP/out" 2>"$TMP/log" 3>&- &
	broker=$!
	until_true 20 test -s "$TMP/out"
	export WEIR_BROKERS=$(cut -d ' ' -f 2 "$TMP/out")
	is 5 "$($WEIR cluster info --no-header | cut -f 1)"
	[ -e "$TMP/logs/meta.properties" ]
	is 1 "$(wc -l <"$TMP/log")"
	has "$(cat "$TMP/log")" "warning: $TMP/server.properties: without effect: "
	has "$(cat "$TMP/log")" "num.io.threads"
	stop_broker
	# An option wins over the file.
	start_broker -F "$TMP/server.properties" -X num.partitions=9 -q
	is 9 "$($WEIR topic create t >/dev/null; $WEIR topic list t --no-header | cut -f 2)"
	is "" "$(cat "$TMP/broker.log")"
}

@test "-F: a file that is not right names the line" {
	printf 'num.partitions=1\nlog.retention.hors=2\n' >"$TMP/f"
	both "$WEIR" broker --data "$TMP/d" -F "$TMP/f"
	is 2 "$status"
	has "$err" "$TMP/f:2: "
	has "$err" "log.retention.hours"
	both "$WEIR" broker --data "$TMP/d" -F "$TMP/none"
	is 6 "$status"
	has "$err" "$TMP/none"
	printf 'authorizer.class.name=x.Y\n' >"$TMP/f"
	both "$WEIR" broker --data "$TMP/d" -F "$TMP/f"
	is 2 "$status"
	has "$err" authorizer.class.name
}

@test "--log json: an object a line" {
	need jq
	start_broker -v --log json
	stop_broker
	[ -s "$TMP/broker.log" ]
	jq -es 'all(.[]; .time and .level and .message)' "$TMP/broker.log" >/dev/null
}

@test "garbage on the port does no harm" {
	start_broker --topic t
	host=${WEIR_BROKERS%:*} port=${WEIR_BROKERS##*:}
	for bytes in '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' 'GET / HTTP/1.1\r\n\r\n' '\xff\xff\xff\xff' \
		'\x7f\xff\xff\xff\x00\x00' '\x00\x00\x00\x00' '\x00\x00\x00\x04\x00\x12\x7f\xff'; do
		exec 5<>"/dev/tcp/$host/$port"
		printf "$bytes" >&5
		timeout 5 cat <&5 >/dev/null || true
		exec 5>&-
	done
	echo still | $WEIR produce t
	is still "$($WEIR cat t)"
}

@test "metrics.listener: metrics and health over HTTP, on 127.0.0.1 unless told" {
	start_broker -v -X metrics.listener=:0 --topic a:3
	until_true 20 grep -q "metrics at" "$TMP/broker.log"
	at=$(sed -n 's|.*metrics at http://127.0.0.1:\([0-9]*\)/metrics.*|\1|p' "$TMP/broker.log")
	exec 7<>"/dev/tcp/127.0.0.1/$at"
	printf 'GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n' >&7
	got=$(timeout 20 cat <&7)
	exec 7>&-
	has "$got" "weir_partitions 3"
	has "$got" "weir_connections_accepted_total"
	stop_broker
	both $WEIR broker --data "$TMP/data" -l 127.0.0.1:0 -X metrics.listener=here
	[ "$status" -ne 0 ]
	has "$err" "metrics.listener"
}
