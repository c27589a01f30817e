# Commands from start to end, and a broker that has little to do.

lines() { awk -v n="$1" -v len="$2" 'BEGIN { s = sprintf("%*s", len - 9, ""); gsub(/ /, "x", s); for (i = 0; i < n; i++) printf "%08d %s\n", i, s }'; }

# timed TEST WHO PAIR CMD...: keeps how long CMD took.
timed() {
	elapsed_ms "${@:4}"
	sample "$1" "$2" "$3" ms "$ms"
}

pipe_kcat() { cat "$1" | kcat -P -b "$address" -t "$2" -q; }
pipe_weir() { cat "$1" | "$weir" -q -b "$address" produce "$2"; }
read_kcat() { kcat -C -b "$address" -t "$1" -o beginning -e -q | cat; }
read_weir() { "$weir" -q -b "$address" cat "$1" | cat; }

# Both programs write N lines to topics of their own, in turn.
lines_beside_kcat() { # TEST FILE
	local pair who
	for pair in $(seq "$pairs"); do
		for who in kcat weir; do
			[ $who = weir ] || command -v kcat >/dev/null || continue
			"$weir" -q -b "$address" topic create "$1-$who-$pair" >/dev/null
			quiet
			timed "$1" $who "$pair" pipe_$who "$2" "$1-$who-$pair"
		done
	done
}

group_commands() {
	local pair who
	start_weir
	"$weir" -q -b "$address" topic create small >/dev/null
	command -v kcat >/dev/null || echo "commands: kcat is not there, nothing stands beside weir"
	lines 10 100 | "$weir" -q -b "$address" produce small
	echo one >"$scratch/one"
	for pair in $(seq $((pairs * 4))); do
		quiet
		timed produce-one weir "$pair" pipe_weir "$scratch/one" small
		! command -v kcat >/dev/null || timed produce-one kcat "$pair" pipe_kcat "$scratch/one" small
		timed consume-small weir "$pair" "$weir" -q -b "$address" consume small -e
		! command -v kcat >/dev/null || timed consume-small kcat "$pair" read_kcat small
	done
	figure produce-one ms - "<=" 15
	figure produce-one ms kcat
	figure consume-small ms - "<=" 50
	figure consume-small ms kcat
	lines 200000 100 >"$scratch/lines"
	lines_beside_kcat produce-200k "$scratch/lines"
	figure produce-200k ms kcat "<=" 1
	lines 1000000 100 >"$scratch/lines"
	lines_beside_kcat produce-1M "$scratch/lines"
	figure produce-1M ms kcat "<=" 1
	"$weir" -q -b "$address" topic create read >/dev/null
	"$weir" -q -b "$address" produce read "$scratch/lines"
	for pair in $(seq "$pairs"); do
		for who in kcat weir; do
			[ $who = weir ] || command -v kcat >/dev/null || continue
			quiet
			timed cat-1M $who "$pair" read_$who read
		done
	done
	figure cat-1M ms kcat "<=" 1
	stop_all
	rm -rf "$scratch/weir" "$scratch/lines"
}

# From the start of the program to its ready line.
start_ms() { # TEST PAIR
	local from=${EPOCHREALTIME/[.,]/} to
	start weir "$weir" broker --data "$scratch/weir" -l 127.0.0.1:0
	to=${EPOCHREALTIME/[.,]/}
	sample "$1" weir "$2" start_ms "$(awk -v us=$((to - from)) 'BEGIN { printf "%.3f", us / 1000 }')"
}

# Wake-ups and processor time of PID in so many seconds of nothing.
idle_figures() { # TEST PAIR PID SECONDS
	local before after
	before=$(switches "$3") cpu=$(cpu_s "$3")
	sleep "$4"
	after=$(switches "$3")
	sample "$1" weir "$2" rss_mb "$(awk -v k="$(rss_kb "$3")" 'BEGIN { printf "%.2f", k / 1024 }')"
	sample "$1" weir "$2" wakes_s "$(awk -v n=$((after - before)) -v s="$4" 'BEGIN { printf "%.2f", n / s }')"
	sample "$1" weir "$2" cpu_ms_s "$(awk -v a="$cpu" -v b="$(cpu_s "$3")" -v s="$4" 'BEGIN { printf "%.2f", (b - a) * 1000 / s }')"
}
switches() { cat "/proc/$1"/task/*/status | awk '/^voluntary_ctxt/ { n += $2 } END { print n }'; }

group_idle() {
	local pair
	for pair in $(seq "$pairs"); do
		rm -rf "$scratch/weir"
		quiet
		start_ms idle "$pair"
		idle_figures idle "$pair" "$pid" 2
		stop "$pid"
	done
	figure idle start_ms -
	figure idle rss_mb - "<=" 8
	figure idle wakes_s - "<=" 2
	figure idle cpu_ms_s -
	start_ms idle 1
	"$tools/load" connect -c 1000 -t 3 "$address" >/dev/null &
	local client=$!
	sleep 1
	idle_figures idle-1000-conns 1 "$pid" 1.5
	figure idle-1000-conns rss_mb -
	figure idle-1000-conns wakes_s -
	wait "$client"
	stop "$pid"
	start_ms idle 1
	"$weir" -q -b "$address" topic create wide -p 1000 >/dev/null
	"$tools/load" produce -T wide -p 1000 -n 5000 -b 1000 -t 30 "$address" >/dev/null
	sample wide weir 1 loaded_mb "$(awk -v k="$(rss_kb "$pid")" 'BEGIN { printf "%.2f", k / 1024 }')"
	for pair in $(seq "$pairs"); do
		stop "$pid"
		quiet
		start_ms restart-1000 "$pair"
		elapsed_ms "$weir" -q -b "$address" topic list
		sample restart-1000 weir "$pair" list_ms "$ms"
		sample restart-1000 weir "$pair" rss_mb "$(awk -v k="$(rss_kb "$pid")" 'BEGIN { printf "%.2f", k / 1024 }')"
	done
	figure restart-1000 start_ms - "<=" 1000
	figure restart-1000 list_ms -
	figure restart-1000 rss_mb -
	for pair in $(seq "$pairs"); do
		"$tools/load" produce -T wide -p 1000 -n 5000 -b 1000 -t 30 "$address" >/dev/null
		kill -9 "$pid"
		wait "$pid" 2>/dev/null || true
		quiet
		start_ms killed-1000 "$pair"
	done
	figure killed-1000 start_ms - "<=" 1000
	stop_all
	rm -rf "$scratch/weir"
}

# Calls of all threads of PID while LOAD-ARG... runs; sets calls.
count_calls() { # PID LOAD-ARG...
	local tracer
	strace -f -c -o "$scratch/calls" -p "$1" 2>/dev/null &
	tracer=$!
	sleep 0.5
	"$tools/load" produce "${@:2}" -t 60 "$address" >/dev/null
	kill -INT "$tracer"
	wait "$tracer" || true
	calls=$(awk '/total$/ { print $4 }' "$scratch/calls")
}

# What 1,000 requests more cost: connecting and starting are not counted. flush.mode=os is the path of a request
# alone; group adds the flushes, by time rather than by request.
group_counts() {
	local kind load n mode less
	mkdir "$scratch/allocs"
	while IFS=$'\t' read -r kind n; do
		sample "allocs-$kind" weir 1 per_req "$n"
		figure "allocs-$kind" per_req - "<=" 0.1
	done < <("$tools/allocs" "$scratch/allocs")
	if ! command -v strace >/dev/null; then
		echo "counts: system calls are left out, strace is not there"
		return
	fi
	for kind in os-single os-16KiB os-1MB group-single group-16KiB; do
		mode=${kind%-*}
		case $kind in
		*-single) load="-b 100 -s 200 -c 1 -d 1" n=1000 ;;
		*-16KiB) load="-b 16384 -c 4 -p 4" n=1000 ;;
		*-1MB) load="-b 1000000 -s 1000" n=100 ;;
		esac
		[ "$mode" = os ] || load+=" -a -1"
		start_weir -X "flush.mode=$mode"
		# shellcheck disable=SC2086 # words
		"$tools/load" produce $load -n 100 -t 30 "$address" >/dev/null
		# shellcheck disable=SC2086
		count_calls "$pid" $load -n $n
		less=$calls
		# shellcheck disable=SC2086
		count_calls "$pid" $load -n $((n * 2))
		sample "syscalls-$kind" weir 1 per_req "$(awk -v d=$((calls - less)) -v n=$n 'BEGIN { printf "%.3f", d / n }')"
		case $kind in
		os-single | os-16KiB) figure "syscalls-$kind" per_req - "<=" 4.01 ;;
		*) figure "syscalls-$kind" per_req - ;;
		esac
		stop "$pid"
		rm -rf "$scratch/weir"
	done
}
