#!/usr/bin/env bats
# weir consume -g, and the group commands: every option, every way to fail.
load common
load broker

local_setup() {
	start_broker --topic t:3 --topic u:1 -X group.initial.rebalance.delay.ms=0 \
		-X group.min.session.timeout.ms=100
	export WEIR_FETCH_MAX_WAIT_MS=50
}

local_teardown() {
	stop_broker
}

# fill TOPIC N [FIRST]: N numbered records over all partitions.
fill() {
	seq "${3:-1}" "$2" | awk '{ print $1 "\t" $1 }' | $WEIR produce "$1" -K '\t'
}

# read_all GROUP [OPTION...]: what the group has not read yet, sorted.
read_all() {
	local group=$1
	shift
	$WEIR consume -g "$group" -e "$@" | sort -n
}

# column NAME: of the tab-separated table on standard input.
column() {
	awk -F '\t' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next } { print $at }'
}

@test "consume -g: from the start, then only what is new, whatever the protocol" {
	fill t 30
	for protocol in classic consumer; do
		is "$(seq 30)" "$(read_all "g-$protocol" t -X group.protocol=$protocol)"
		is "" "$(read_all "g-$protocol" t -X group.protocol=$protocol)"
	done
	fill t 35 31
	is "$(seq 31 35)" "$(read_all g-classic t)"
	is "0" "$($WEIR group lag g-classic | column lag)"
}

@test "consume -g: -c commits what was printed, and no more" {
	fill u 10
	is "$(seq 3)" "$($WEIR consume -g g u -c 3)"
	is 3 "$($WEIR group describe g | column committed)"
	is 7 "$($WEIR group describe g | column lag)"
	is "$(seq 4 10)" "$(read_all g u)"
}

@test "consume -g --commit none: the offsets stay" {
	fill u 5
	is "$(seq 5)" "$(read_all g u --commit none)"
	is "$(seq 5)" "$(read_all g u)"
	is "" "$(read_all g u)"
}

@test "consume -g -o: only where nothing is committed; --seek forces it" {
	fill u 10
	is "$(seq 8 10)" "$(read_all g u -o -3)"
	both $WEIR consume -g g -e u -o start
	is 0 "$status"
	is "" "$out"
	has "$err" "-o counts only where there is none (--seek forces it)"
	is "$(seq 10)" "$(read_all g u -o start --seek)"
	is "" "$(read_all g u)"
	is "" "$(read_all h u -X auto.offset.reset=latest)"
	is 10 "$($WEIR group describe h | column committed)"
}

@test "consume -g: a committed offset that is gone: a warning, then as -o says" {
	fill u 10
	is "$(seq 2)" "$($WEIR consume -g g u -c 2)"
	$WEIR topic trim -y u -o 5 >/dev/null
	both $WEIR consume -g g -e u
	is 0 "$status"
	is "$(seq 6 10)" "$out"
	has "$err" "the committed 2 is gone: reading on at 5"
}

@test "consume -g: options that do not go together: exit 2, nothing is joined" {
	for options in '-g g -p 0' '-g g --per-partition 3' '-g g -o 0:5' '-g g --seek' '--commit none' \
		'-g g -X group.protocol=new' '-g g -X partition.assignment.strategy=best' '-g g -X auto.offset.reset=never'; do
		both $WEIR consume $options u
		is 2 "$status"
		is "" "$out"
		has "$err" "weir: consume: "
	done
	is "" "$($WEIR group list --no-header)"
}

@test "consume -g: -f, -J, -G and --batches as without a group; what -G leaves out is done too" {
	fill u 10
	is "g 5:4" "$($WEIR consume -g g -e u -f 'g %s:%o\n' -G 'v:^5$')"
	is "" "$(read_all g u)"
	fill u 12 11
	is "11 12" "$($WEIR consume -g g -e u -J | jq -r .value | xargs)"
	fill u 14 13
	$WEIR consume -g g -e u --batches >"$TMP/00000000000000000000.log"
	is "13 14" "$($WEIR segment cat "$TMP/00000000000000000000.log" | xargs)"
	is 0 "$($WEIR group lag g | column lag)"
}

@test "consume -g: a reader that goes away: silent, what it did not take is not committed" {
	fill u 20000
	run bash -c '"$WEIR" consume -g g u -X auto.commit.interval.ms=10 2>"$TMP/err" | head -1; exit ${PIPESTATUS[0]}'
	is 141 "$status"
	is 1 "$output"
	is "" "$(cat "$TMP/err")"
	[ "$($WEIR group describe g | column committed)" -lt 20000 ]
}

@test "group list: all groups; --state and --type" {
	is "" "$($WEIR group list --no-header)"
	fill u 1
	read_all a u >/dev/null
	read_all b u -X group.protocol=classic >/dev/null
	is "a b" "$($WEIR group list --no-header | cut -f1 | xargs)"
	is "Empty Empty" "$($WEIR group list | column state | xargs)"
	is "a b" "$($WEIR group list --state empty --no-header | cut -f1 | xargs)"
	is "" "$($WEIR group list --state Stable --no-header)"
	is "b" "$($WEIR group list --type classic --no-header | cut -f1 | grep b)"
	is "b" "$($WEIR group list -O json | jq -r '.[1].group')"
}

@test "group describe: partitions, --members, --state; one that is not there: exit 6, a hint" {
	fill t 6
	read_all billing t >/dev/null
	is "0 1 2" "$($WEIR group describe billing | column partition | xargs)"
	is 6 "$($WEIR group describe billing -O json | jq 'map(.committed) | add')"
	is "[null]" "$($WEIR group describe billing -O json | jq -c 'map(.member) | unique')"
	is Empty "$($WEIR group describe billing --state | column state)"
	is 0 "$($WEIR group describe billing --state -O json | jq '.[0].members')"
	is "" "$($WEIR group describe billing --members --no-header)"
	both $WEIR group describe biling
	is 6 "$status"
	has "$err" 'no group "biling" (GROUP_ID_NOT_FOUND)'
	has "$err" 'hint: did you mean "billing"?'
	both $WEIR group describe biling billing --no-header
	is 6 "$status"
	is 3 "$(wc -l <<<"$out")"
	both $WEIR group describe billing --members --state
	is 2 "$status"
}

@test "group describe: a member while it reads, topic describe --groups names it" {
	fill t 6
	$WEIR consume -g billing t -X client.id=reader >"$TMP/out" 3>&- &
	member=$!
	until_true 30 grep -q . "$TMP/out"
	until_true 30 sh -c '[ "$("$WEIR" group describe billing --state | cut -f3 | tail -1)" = Stable ]'
	is reader "$($WEIR group describe billing --members | column client_id)"
	is 3 "$($WEIR group describe billing --members | column partitions)"
	is "t:0,1,2" "$($WEIR group describe billing --members | column assignment)"
	is reader "$($WEIR group describe billing | column client_id | uniq)"
	both $WEIR group delete -y billing
	is 1 "$status"
	has "$err" NON_EMPTY_GROUP
	both $WEIR group seek -y billing --to start
	is 1 "$status"
	has "$err" 'group "billing" has 1 member'
	has "$err" 'stop its members first'
	$WEIR wait group billing --lag 0 >/dev/null
	both $WEIR group forget -y billing t
	is 1 "$status"
	has "$err" GROUP_SUBSCRIBED_TO_TOPIC
	is "Stable 1 0" "$($WEIR wait group billing --members 1 --state stable --lag 0 --no-header | cut -f2,3,5 | tr '\t' ' ')"
	is billing "$($WEIR topic describe t --groups | column group)"
	kill "$member"
	wait "$member" || true
}

@test "group lag: of all, of one; --max says by its exit status whether one is behind" {
	fill t 6
	fill u 4
	read_all a t >/dev/null
	$WEIR consume -g b u -c 1 >/dev/null
	is "0 3" "$($WEIR group lag | column lag | xargs)"
	is 3 "$($WEIR group lag b | column max_lag)"
	both $WEIR group lag --max 3
	is 0 "$status"
	both $WEIR group lag --max 2
	is 1 "$status"
	has "$err" 'group "b" is 3 behind in topic "u", more than 2'
	is 2 "$(wc -l <<<"$($WEIR group lag --no-header)")"
	both $WEIR group lag nope
	is 6 "$status"
}

@test "group seek: every place, old and new, and nothing with --dry-run" {
	seq 10 | sed 's/.*/{"value":"&","ts":&000}/' | $WEIR produce u -J
	read_all g u >/dev/null
	both $WEIR group seek g --to start --dry-run
	is 0 "$status"
	is "10 0 10 would move" "$(echo "$out" | tail -1 | cut -f4-7 | tr '\t' ' ')"
	is 10 "$($WEIR group describe g | column committed)"
	seek() {
		$WEIR group seek -y g --to "$1" | column new
	}
	is 0 "$(seek start)"
	is 10 "$(seek end)"
	is 7 "$(seek 7)"
	is 9 "$(seek +2)"
	is 10 "$(seek +5)"
	is 6 "$(seek -4)"
	is 0 "$(seek -40)"
	is 4 "$(seek @5)"
	is 10 "$(seek 99)"
	is unchanged "$($WEIR group seek -y g --to end | column result)"
	is "$(seq 9 10)" "$($WEIR group seek -y g --to 8 >/dev/null && read_all g u)"
}

@test "group seek: topics and partitions, as another group, from a file, a group that is new" {
	fill t 30
	read_all g t >/dev/null
	is "0 0 0" "$($WEIR group seek -y fresh t --to start | column new | xargs)"
	is "1" "$($WEIR group seek -y fresh --to end -p 1 | column partition)"
	is "$($WEIR group describe g | column committed)" "$($WEIR group seek -y like --to group:g | column new)"
	$WEIR group describe g -O tsv >"$TMP/saved"
	$WEIR group seek -y g --to start >/dev/null
	is "$(column committed <"$TMP/saved")" "$($WEIR group seek -y g --to "file:$TMP/saved" | column new)"
	printf '# a comment\nt,0,1\n\nt,2,2\n' >"$TMP/list"
	is "1 2" "$($WEIR group seek -y g --to "file:$TMP/list" | column new | xargs)"
	printf 't 0 x\n' >"$TMP/bad"
	both $WEIR group seek -y g --to "file:$TMP/bad"
	is 8 "$status"
	has "$err" "$TMP/bad: line 1"
	printf 't 0 1\nt 0 2\n' >"$TMP/twice"
	both $WEIR group seek -y g --to "file:$TMP/twice"
	is 8 "$status"
	has "$err" 'names t partition 0 twice'
	both $WEIR group seek -y g --to file:/nowhere/at/all
	is 6 "$status"
}

@test "group seek: what cannot be: exit and reason; it asks first" {
	fill u 3
	read_all g u >/dev/null
	both $WEIR group seek g
	is 2 "$status"
	has "$err" "--to is missing"
	both $WEIR group seek g --to nowhere
	is 2 "$status"
	both $WEIR group seek nope --to start
	is 6 "$status"
	both $WEIR group seek -y g nope --to start
	is 6 "$status"
	both $WEIR group seek -y g --to group:nope
	is 6 "$status"
	both $WEIR group seek g --to start </dev/null
	is 2 "$status"
	has "$err" -y
	is 3 "$($WEIR group describe g | column committed)"
}

@test "group forget: offsets of a topic, of one partition" {
	fill t 3
	fill u 3
	read_all g t u >/dev/null
	is "would forget" "$($WEIR group forget g t --dry-run | column result | uniq)"
	is 1 "$($WEIR group forget -y g t -p 1 | column partition)"
	is "0 2" "$($WEIR group describe g --no-header | awk '$2 == "t" { print $3 }' | xargs)"
	$WEIR group forget -y g t >/dev/null
	is u "$($WEIR group describe g | column topic)"
	both $WEIR group forget -y g t
	is 6 "$status"
	both $WEIR group forget -y nope t
	is 6 "$status"
}

@test "group delete: gone with its offsets; one that is not there" {
	fill u 3
	read_all g u >/dev/null
	is "would delete" "$($WEIR group delete g --dry-run | column result)"
	is deleted "$($WEIR group delete -y g | column result)"
	is "" "$($WEIR group list --no-header)"
	is "$(seq 3)" "$(read_all g u)"
	both $WEIR group delete -y g nope
	is 6 "$status"
	is "deleted failed" "$(echo "$out" | column result | xargs)"
	is absent "$($WEIR group delete -y g --if-exists | column result)"
}

@test "group watch: lines with rates, -c of them" {
	fill u 3
	read_all g u >/dev/null
	both $WEIR group watch g -i 10ms -c 3
	is 0 "$status"
	is "3 3 3" "$(echo "$out" | column committed | xargs)"
	is 3 "$($WEIR group watch g -i 10ms -c 3 -O jsonl | jq -s 'map(.lag == 0) | length')"
	both $WEIR group watch nope -c 1
	is 6 "$status"
}

@test "wait: group, topic, record, broker; exit 4 when it was not so in time" {
	unset WEIR_FETCH_MAX_WAIT_MS
	fill u 3
	is 1 "$($WEIR wait broker --no-header | wc -l)"
	both $WEIR wait broker -c 2 --timeout 300ms
	is 4 "$status"
	is 3 "$($WEIR wait topic t --no-header | cut -f2)"
	both $WEIR wait topic nope --timeout 300ms
	is 4 "$status"
	both $WEIR wait topic t -p 4 --timeout 300ms
	is 4 "$status"
	both $WEIR wait group g --timeout 300ms
	is 4 "$status"
	$WEIR consume -g g u -c 1 >/dev/null
	both $WEIR wait group g --lag 1 --timeout 300ms
	is 4 "$status"
	has "$err" "lag 2"
	is 2 "$($WEIR wait group g --lag 2 | column lag)"
	is 2 "$($WEIR wait record u -o start -G 'v:^2$')"
	both $WEIR wait record u --timeout 300ms
	is 4 "$status"
	both $WEIR -b 127.0.0.1:1 wait broker --timeout 300ms
	is 4 "$status"
}

@test "--dir: groups in a data directory without a broker" {
	fill u 3
	stop_broker
	unset WEIR_BROKERS
	export WEIR_DIR=$TMP/data
	is "$(seq 3)" "$(read_all g u)"
	is "" "$(read_all g u)"
	is 0 "$($WEIR group lag g | column lag)"
	is 1 "$($WEIR group seek -y g --to 1 | column new)"
	is "$(seq 2 3)" "$(read_all g u)"
	unset WEIR_DIR
}

@test "consume -g: a member that is stopped commits nothing it has not written, another takes over" {
	fill u 5000
	mkfifo "$TMP/pipe"
	$WEIR consume -g g u -X group.protocol=classic -X session.timeout.ms=1000 -X heartbeat.interval.ms=100 \
		-X auto.commit.interval.ms=50 \
		>"$TMP/pipe" 2>"$TMP/err" 3>&- &
	member=$!
	exec 7<"$TMP/pipe"
	read -r first <&7
	is 1 "$first"
	kill -STOP "$member"
	is 5000 "$(timeout 60 $WEIR consume -g g -e u -X group.protocol=classic | sort -n | tail -1)"
	committed=$($WEIR group describe g | column committed)
	is 5000 "$committed"
	kill -CONT "$member"
	cat <&7 >"$TMP/rest" &
	exec 7<&-
	until_true 20 grep -q 'took this member for dead' "$TMP/err"
	is 5000 "$($WEIR group describe g | column committed)"
	kill "$member"
	wait "$member" || true
}
