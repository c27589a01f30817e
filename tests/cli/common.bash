# Loaded by every .bats file. $WEIR is the binary; $TMP a directory that goes with the test.
: "${WEIR:?set WEIR to the binary}"

setup() {
	TMP=$(mktemp -d)
	export XDG_CONFIG_HOME=$TMP/config
	unset WEIR_BROKERS WEIR_DIR WEIR_CONFIG
	if declare -F local_setup >/dev/null; then local_setup; fi
}

teardown() {
	if declare -F local_teardown >/dev/null; then local_teardown; fi
	rm -rf "$TMP"
}

# Runs the arguments: standard output to $out, standard error to $err, exit status to $status.
both() {
	status=0
	"$@" >"$TMP/stdout" 2>"$TMP/stderr" || status=$?
	out=$(cat "$TMP/stdout")
	err=$(cat "$TMP/stderr")
}

# is WANTED GOT: equal, else both are shown.
is() {
	[ "$1" = "$2" ] || { printf 'wanted: %s\ngot:    %s\n' "$1" "$2"; return 1; }
}

# has TEXT PART: TEXT contains PART.
has() {
	case $1 in *"$2"*) ;; *) printf 'no "%s" in: %s\n' "$2" "$1"; return 1 ;; esac
}

# Paths of all commands, one a line.
all_commands() {
	"$WEIR" help --json | jq -r '.commands[].path' | grep -vx kcat # which has kcat's options, not weir's
}

need() {
	command -v "$1" >/dev/null || skip "no $1"
}
