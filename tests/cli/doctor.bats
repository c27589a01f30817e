#!/usr/bin/env bats
# weir doctor: each fault gets its own row.
load common

with_broker() { # OPTION... -- ARG...: doctor with these arguments beside a broker
	local options=()
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	both $WEIR broker --ephemeral -l 127.0.0.1:0 --topic a:3 "${options[@]}" -- "$WEIR" doctor "$@"
}

# row CHECK SUBJECT: result and what was found.
row() {
	awk -F '\t' -v check="$1" -v subject="$2" \
		'$1 == check && (subject == "" || $2 == subject) { print $3 ": " $4; exit }' <<<"$out"
}

@test "a healthy broker: every check is ok" {
	with_broker --
	is 0 "$status"
	is 0 "$(cut -f 3 <<<"$out" | grep -cE 'WARN|FAIL')"
	has "$(row protocol)" "ok: ApiVersions in"
	has "$(row metadata)" "1 broker, 1 topics, controller 1"
	has "$(row topics leaders)" "ok: 0 of 3 partitions without a leader"
}

@test "nobody listens, the name is not known" {
	both $WEIR doctor -b 127.0.0.1:1,no.such.host.invalid
	is 1 "$status"
	has "$(row connect 127.0.0.1:1)" "FAIL: "
	has "$(row connect 127.0.0.1:1)" "refused"
	has "$(row name no.such.host.invalid:9092)" "FAIL: no.such.host.invalid"
	has "$err" "2 checks failed"
}

@test "an advertised address that leads nowhere" {
	with_broker --advertise no.such.host.invalid:7777 --
	is 1 "$status"
	is "ok: no.such.host.invalid:7777" "$(row advertised "node 1")"
	has "$(row name no.such.host.invalid:7777)" "FAIL"
	has "$out" "mend advertised.listeners"
}

@test "an advertised address that leads to another cluster" {
	load broker
	start_broker
	other=$WEIR_BROKERS
	with_broker --advertise "$other" --
	stop_broker
	is 1 "$status"
	has "$(row metadata "$other")" "FAIL: belongs to cluster"
}

@test "something else on the port" {
	mkfifo "$TMP/port"
	perl -MIO::Socket::INET -e '
		$s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
		print $s->sockport, "\n"; close STDOUT; alarm 20;
		$c = $s->accept; sysread $c, $b, 4; print $c "HTTP/1.1 400 Bad Request\r\n\r\n"; close $c' \
		>"$TMP/port" 3>&- &
	local server=$!
	read -r port <"$TMP/port"
	both $WEIR doctor -b "127.0.0.1:$port"
	kill "$server" 2>/dev/null || true
	is 1 "$status"
	has "$(row protocol "127.0.0.1:$port")" "it speaks HTTP, not Kafka's protocol"
}

@test "a directory: whose, space, limits" {
	load broker
	start_broker --topic a:2
	both $WEIR doctor --dir "$TMP/data"
	is 0 "$status"
	has "$(row directory "$TMP/data")" "ok: cluster "
	has "$(row space "$TMP/data")" "MiB are free"
	has "$(row protocol "unix:$TMP/data/weir.sock")" "ok"
	stop_broker
	both $WEIR doctor --dir "$TMP/none"
	is 1 "$status"
	has "$(row directory "$TMP/none")" "FAIL"
}

@test "json" {
	with_broker -- -O json
	jq -e 'map(.result) | unique | . == ["-", "ok"]' <<<"$out"
}
