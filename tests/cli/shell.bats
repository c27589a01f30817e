#!/usr/bin/env bats
# weir shell: scripts, -c, and a pseudo-terminal.
load common
load broker

local_setup() {
	export XDG_STATE_HOME=$TMP/state
	start_broker --topic orders:2 --topic other:1
}

local_teardown() {
	stop_broker
}

# terminal LINE...: types the lines into a shell on a pseudo-terminal; what it shows to $out.
terminal() {
	printf '%s\n' "$@" | script -qec "stty -echo; $WEIR shell" /dev/null >"$TMP/terminal" || true
	out=$(tr -d '\r' <"$TMP/terminal" | sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g')
}

@test "-c: commands one after the other, options before shell hold for all" {
	unset address
	address=$WEIR_BROKERS
	unset WEIR_BROKERS
	both $WEIR -b "$address" shell -c 'topic list --no-header | cut -f 1; error 3 --no-header'
	is 0 "$status"
	is "orders
other
3	UNKNOWN_TOPIC_OR_PARTITION	true	6	no such topic or partition" "$out"
}

@test "every option before shell holds for all commands, a dry run above all" {
	both $WEIR --dry-run shell -c 'topic delete orders -y; topic list --no-header'
	is 0 "$status"
	has "$out" "would delete"
	is 2 "$($WEIR topic list --no-header | wc -l)"
	both $WEIR -O json --no-header shell -c 'error 3'
	is UNKNOWN_TOPIC_OR_PARTITION "$(jq -r '.[0].name' <<<"$out")"
	both $WEIR -vv --timeout 700ms -X client.id=me shell -c 'topic list'
	has "$err" '-> '
	both $WEIR -b 127.0.0.1:1 --timeout 700ms shell -c 'topic list'
	is 3 "$status"
	# Each of them is known to the shell by the table: none is left out.
	for option in --no-header --quiet --yes --dry-run '--color never' '--output tsv' '--timeout 5s'; do
		# shellcheck disable=SC2086
		$WEIR $option shell -c "!true" || return 1
	done
}

@test "use sets the topic of record commands" {
	both $WEIR shell -c "use orders; produce <<EOF
one
two; three
EOF
cat | sort; use; cat"
	is 2 "$status"
	is "one
two; three" "$out"
	has "$err" "no topic given"
}

@test "quotes, redirections, pipes and here documents are those of sh" {
	both $WEIR shell -c "produce other --whole <<'EOF'
first line
second \$HOME
EOF
cat other > $TMP/file; !wc -l < $TMP/file; produce other -k 'a;b' -f '%s\n' <<X
v
X
cat other -f '%k=%s\n' | tail -1"
	is 0 "$status"
	has "$(cat "$TMP/file")" 'second $HOME'
	is "a;b=v" "$(tail -1 <<<"$out")"
}

@test "a script ends at the first command that fails, unless told otherwise" {
	printf '%s\n' 'error 3 --no-header' 'cat nope' 'error 4 --no-header' >"$TMP/script"
	both $WEIR shell "$TMP/script"
	is 6 "$status"
	is 1 "$(wc -l <<<"$out")"
	both $WEIR shell --keep-going "$TMP/script"
	is 0 "$status"
	is 2 "$(wc -l <<<"$out")"
	both $WEIR shell <"$TMP/script"
	is 6 "$status"
	both $WEIR shell -c 'cat nope; exit' --keep-going
	is 6 "$status"
	both $WEIR shell "$TMP/none"
	is 6 "$status"
}

@test "a script on standard input is not eaten by its commands" {
	both $WEIR shell <<-'EOF'
		# a comment

		produce orders
		error 3 --no-header
	EOF
	is 0 "$status"
	has "$out" "UNKNOWN_TOPIC_OR_PARTITION"
}

@test "a terminal: prompt, topic in the prompt, a line that goes on" {
	terminal 'use orders' "produce <<EOF" 'from here' 'EOF' 'cat' 'exit'
	has "$out" "weir> "
	has "$out" "weir orders> "
	has "$out" "from here"
	terminal 'nope' 'error 3 --no-header' 'exit'
	has "$out" 'unknown command "nope"'
	has "$out" "UNKNOWN_TOPIC_OR_PARTITION"
}

@test "a terminal: the prompt names the context" {
	mkdir -p "$XDG_CONFIG_HOME/weir"
	printf '[context prod]\nbootstrap.servers = %s\n' "$WEIR_BROKERS" >"$XDG_CONFIG_HOME/weir/config"
	unset WEIR_BROKERS
	out=$(printf '%s\n' 'use orders' 'topic list' exit | script -qec "stty -echo; $WEIR -x prod shell" /dev/null |
		tr -d '\r' | sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g')
	has "$out" "prod> "
	has "$out" "prod orders> "
	has "$out" "TOPIC   PARTITIONS"
}

@test "history: kept for the next time, private, without secrets" {
	terminal 'error 3' 'error 3' '-X sasl.password=hunter2 topic list' 'error 4' 'exit'
	is "error 3
error 4
exit" "$(cat "$TMP/state/weir/history")"
	is 600 "$(stat -c %a "$TMP/state/weir/history")"
}

@test "the tab key: commands, options, topics, choices" {
	keys() { printf '%b' "$1" | script -qec "stty -echo; $WEIR shell" /dev/null | tr -d '\r' |
		sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g'; }
	has "$(keys 'topi\tlis\t --no-h\t\nexit\n')" "orders  2"
	has "$(keys 'use ord\t\nexit\n')" "weir orders> "
	has "$(keys 'error 3 -O tsv | cat\nbench prod\tor\t-c 1 --no-header -O jso\tl\nexit\n')" '"topic":"orders"'
	has "$(keys 'topic \t\t\nexit\n')" "add-partitions"
}
