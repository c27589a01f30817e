#!/usr/bin/env bats
# Options that every command takes, and errors of reaching a cluster.
load common
load broker

local_teardown() { stop_broker; }

@test "a broker that is not there: exit 3, which addresses, who named them" {
	both $WEIR topic list -b 127.0.0.1:1,127.0.0.1:2
	is 3 "$status"
	is "" "$out"
	has "$err" 127.0.0.1:1
	has "$err" 127.0.0.1:2
	has "$err" "(brokers from --brokers)"
	both env WEIR_BROKERS=127.0.0.1:1 $WEIR topic list
	is 3 "$status"
	has "$err" "(brokers from \$WEIR_BROKERS)"
	both $WEIR topic list -X bootstrap.servers=127.0.0.1:1
	has "$err" "(brokers from -X)"
	has "$err" "weir doctor"
	both $WEIR topic list -b no.such.host.invalid
	is 3 "$status"
	has "$err" no.such.host.invalid
}

@test "the same as an object with -O json, nothing on stdout" {
	need jq
	for form in json jsonl; do
		both $WEIR topic list -b 127.0.0.1:1 -O $form
		is 3 "$status"
		is "" "$out"
		is 3 "$(jq .error.exit <<<"$err")"
		jq -e '.error | .message and has("hint") and has("retriable")' <<<"$err" >/dev/null
	done
	start_broker
	both $WEIR topic describe nope -O json
	is 6 "$status"
	is '{"exit":6,"kafka":"UNKNOWN_TOPIC_OR_PARTITION","code":3,"retriable":true}' \
		"$(jq -c '.error | {exit, kafka, code, retriable}' <<<"$err")"
	is failed "$(jq -r '.[0].result' <<<"$out")"
}

@test "values that cannot be" {
	for bad in "--timeout 0" "--timeout 5x" "--timeout -1s" "-X a" "-X =b" "--color pink" "-O yaml" "-b a:b:c" \
		"-b a:70000" "--resolve x" "-X linger.ms"; do
		both $WEIR topic list $bad
		is 2 "$status"
		is "" "$out"
	done
	both $WEIR topic list -b a --dir "$TMP"
	is 2 "$status"
	has "$err" "--brokers and --dir exclude each other"
	both $WEIR topic list --dir "$TMP/none"
	is 6 "$status"
	both $WEIR topic list --dir "$0"
	is 6 "$status"
}

@test "--timeout is the longest wait" {
	# Somebody who takes connections and never answers.
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
		print $s->sockport, "\n"; close STDOUT; sleep 60' >"$TMP/port" 3>&- &
	broker=$!
	until_true 10 test -s "$TMP/port"
	SECONDS=0
	both $WEIR topic list -b "127.0.0.1:$(cat "$TMP/port")" --timeout 300ms \
		-X socket.connection.setup.timeout.ms=300
	case $status in 3 | 4) ;; *) echo "status $status: $err"; false ;; esac
	[ $SECONDS -lt 10 ]
}

@test "a data directory that a broker has: its socket is used, whatever the command" {
	start_broker --topic t
	unset WEIR_BROKERS
	is t "$($WEIR --dir "$TMP/data" topic list --no-header | cut -f 1)"
	is t "$(WEIR_DIR=$TMP/data $WEIR topic list --no-header | cut -f 1)"
	echo x | $WEIR --dir "$TMP/data" produce t
	is x "$($WEIR --dir "$TMP/data" cat t)"
	# A broker that was killed leaves its socket behind; the directory is worked on then.
	stop_broker KILL
	is x "$($WEIR --dir "$TMP/data" cat t)"
}

@test "notes only on a terminal or with -v, warnings not with -q" {
	start_broker --topic t
	both $WEIR topic list -X no.such.property=1
	has "$err" 'warning: -X: "no.such.property" has no effect'
	both $WEIR topic list -X no.such.property=1 -q
	is "" "$err"
	both $WEIR topic list
	is "" "$err"
}

@test "--dry-run is taken by every command that changes something" {
	need jq
	start_broker --topic t:2
	before=$($WEIR topic describe t --partitions -O json; $WEIR topic list -O json; $WEIR config get topic:t)
	for args in "topic create u" "topic delete t" "topic alter t -c retention.ms=1" "topic add-partitions t -p 9" \
		"topic trim t -o end" "config set topic:t retention.ms=1"; do
		both $WEIR $args --dry-run </dev/null
		is 0 "$status"
		case $out in *would* | *unchanged*) ;; *) echo "$args: $out"; false ;; esac
	done
	is "$before" "$($WEIR topic describe t --partitions -O json; $WEIR topic list -O json; $WEIR config get topic:t)"
}
