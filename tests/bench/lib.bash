# Shared by the scripts of this folder: start a broker, run load, read its numbers.
top_srcdir=${top_srcdir:-.} top_builddir=${top_builddir:-.}
weir=${WEIR:-$top_builddir/weir}
tools=$top_builddir/tests/bench
scratch=$(mktemp -d "${BENCH_DIR:-${TMPDIR:-/tmp}}/weir-bench-XXXXXX")
pids=()

stop_all() {
	local pid
	for pid in "${pids[@]}"; do stop "$pid"; done
	pids=()
}
finish() {
	stop_all
	[ -z "${kafka_dir:-}" ] || "$kafka" stop "$kafka_dir" >/dev/null 2>&1
	rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 1' INT TERM

# start NAME CMD...: runs a broker that prints its ready line; sets pid and address.
start() {
	local out=$scratch/$1.out
	: >"$out"
	"${@:2}" >"$out" 2>"$scratch/$1.err" &
	pid=$!
	pids+=("$pid")
	until address=$(sed -n 's/^listening \([^ ]*\).*/\1/p' "$out") && [ -n "$address" ]; do
		kill -0 "$pid" 2>/dev/null || { cat "$scratch/$1.err"; echo "$1 did not start"; exit 1; }
		sleep 0.01
	done
}
start_weir() { # ARG...
	rm -rf "$scratch/weir"
	start weir "$weir" broker --data "$scratch/weir" -l 127.0.0.1:0 "$@"
}
start_skeleton() { # [-g]
	rm -rf "$scratch/skeleton"
	mkdir "$scratch/skeleton"
	start skeleton "$tools/skeleton" "$@" "$scratch/skeleton"
}
stop() { kill "$1" 2>/dev/null && wait "$1" 2>/dev/null || true; }

# value NAME LINE: the number of NAME=number in load's line.
value() { local v=${2##*"$1="}; echo "${v%% *}"; }
cpu_s() { awk -v hz="$(getconf CLK_TCK)" '{printf "%.2f", ($14 + $15) / hz}' "/proc/$1/stat"; }
peak_kb() { awk '/VmHWM/ {print $2}' "/proc/$1/status"; }
rss_kb() { awk '/VmRSS/ {print $2}' "/proc/$1/status"; }
