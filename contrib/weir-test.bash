# For bats tests of programs that use Kafka: load this file, and each test has a broker of its own.
#
#	load /usr/local/share/weir/weir-test.bash
#	setup() { weir_start orders:3 payments:1; }
#	teardown() { weir_stop; }
#
#	@test "the service copies orders" {
#		echo '{"n":1}' | weir produce orders
#		./service --bootstrap-servers "$WEIR_BROKERS" &
#		weir_wait payments 1
#		[ "$(weir cat payments)" = '{"n":1}' ]
#	}
#
# It works in any bash script, too; see weir-testing(7).

# weir_start [TOPIC:PARTITIONS...]: a broker on a free port, its data in a temporary directory. Sets
# WEIR_BROKERS (an address for bootstrap.servers), WEIR_BROKER_PID and WEIR_BROKER_LOG.
weir_start() {
	local topic topics=() ready
	for topic in "$@"; do topics+=(--topic "$topic"); done
	WEIR_BROKER_DIR=$(mktemp -d "${TMPDIR:-/tmp}/weir-XXXXXX") || return
	WEIR_BROKER_LOG=$WEIR_BROKER_DIR/log
	mkfifo "$WEIR_BROKER_DIR/ready"
	# Descriptor 3 is bats' own: a broker that held it would keep bats waiting.
	weir broker --data "$WEIR_BROKER_DIR/data" -l 127.0.0.1:0 "${topics[@]}" \
		>"$WEIR_BROKER_DIR/ready" 2>"$WEIR_BROKER_LOG" 3>&- &
	WEIR_BROKER_PID=$!
	if ! read -r -t "${WEIR_START_TIMEOUT:-20}" ready <"$WEIR_BROKER_DIR/ready"; then
		cat "$WEIR_BROKER_LOG" >&2
		weir_stop
		return 1
	fi
	ready=${ready#listening }
	export WEIR_BROKERS=${ready%% *}
}

# weir_stop: ends the broker and removes its data. Fine when there is none.
weir_stop() {
	if [ -n "${WEIR_BROKER_PID:-}" ]; then
		kill "$WEIR_BROKER_PID" 2>/dev/null || true
		wait "$WEIR_BROKER_PID" 2>/dev/null || true
	fi
	[ -z "${WEIR_BROKER_DIR:-}" ] || rm -rf "$WEIR_BROKER_DIR"
	unset WEIR_BROKER_PID WEIR_BROKER_DIR WEIR_BROKERS
}

# weir_kill: kill -9, for tests of what happens when the broker dies; weir_restart brings it back on the
# same port with the same data.
weir_kill() {
	kill -9 "$WEIR_BROKER_PID"
	wait "$WEIR_BROKER_PID" 2>/dev/null || true
}
weir_restart() {
	rm -f "$WEIR_BROKER_DIR/ready"
	mkfifo "$WEIR_BROKER_DIR/ready"
	weir broker --data "$WEIR_BROKER_DIR/data" -l "$WEIR_BROKERS" \
		>"$WEIR_BROKER_DIR/ready" 2>>"$WEIR_BROKER_LOG" 3>&- &
	WEIR_BROKER_PID=$!
	local ready
	read -r -t "${WEIR_START_TIMEOUT:-20}" ready <"$WEIR_BROKER_DIR/ready"
}

# weir_wait TOPIC COUNT [SECONDS]: until the topic has COUNT records, at most 10 seconds if not told.
weir_wait() {
	timeout "${3:-10}" weir consume "$1" -c "$2" >/dev/null
}
