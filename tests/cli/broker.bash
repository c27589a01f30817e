# A cluster for the record tests, in $TMP. $WEIR_TEST_WAY says what the commands work on: broker (on a
# free port; usual), or dir (a data directory, with the engine in each command). A test that needs one
# of the two says so with only_way. The line "# ways: broker dir" in a test file has run.sh run it in
# both.
way=${WEIR_TEST_WAY:-broker}

# start_broker [OPTION...]: sets $broker (its pid) and $WEIR_BROKERS; its log is $TMP/broker.log.
start_broker() {
	local address
	rm -f "$TMP/ready"
	mkfifo "$TMP/ready"
	# shellcheck disable=SC2094
	"$WEIR" broker --data "$TMP/data" -l 127.0.0.1:0 --ready-fd 9 "$@" \
		9>"$TMP/ready" >/dev/null 2>>"$TMP/broker.log" 3>&- &
	broker=$!
	read -r -t 20 address <"$TMP/ready" || { cat "$TMP/broker.log"; return 1; }
	export WEIR_BROKERS=$address
}

# stop_broker [SIGNAL]: and waits for its end.
stop_broker() {
	[ -n "${broker:-}" ] || return 0
	kill "-${1:-TERM}" "$broker" 2>/dev/null || true
	wait "$broker" 2>/dev/null || true
	broker=
}

# start_way [TOPIC:PARTITIONS...]: the way of this run, with these topics.
start_way() {
	local topics=() t
	for t in "$@"; do topics+=(--topic "$t"); done
	start_broker "${topics[@]}"
	if [ "$way" = dir ]; then
		stop_broker
		unset WEIR_BROKERS
		export WEIR_DIR=$TMP/data
	fi
}

stop_way() {
	stop_broker
	unset WEIR_BROKERS WEIR_DIR
}

only_way() {
	[ "$way" = "$1" ] || skip "not with $way"
}

# until_true SECONDS COMMAND...: runs it until it succeeds, at most so long.
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "never true: $*"; return 1; }
		sleep 0.02
	done
}

# ends PID SECONDS: waits for a background process; its exit status to $status.
ends() {
	local end=$((SECONDS + $2))
	while kill -0 "$1" 2>/dev/null; do
		[ $SECONDS -lt $end ] || { kill -9 "$1"; echo "still running after $2 s"; return 1; }
		sleep 0.02
	done
	status=0
	wait "$1" || status=$?
}
