# Consumer groups: how soon many members stand, what many groups cost, flushed commits, the load of many offsets.

# members_on TEST WHO PAIR PID ADDRESS FIGURES ARG...: keeps those figures of the line.
members_on() {
	local line name
	quiet
	line=$("$tools/members" "${@:7}" -P "$4" "$5") || { echo "$1 $2: $line" >&2; missed=1; }
	for name in $6; do
		sample "$1" "$2" "$3" "$name" "$(value "$name" "$line")"
	done
}

settles="settle_ms join_ms leave_ms cpu_s"
commits="req_s p50_ms p99_ms cpu_us_req"
idles="req_s cpu_percent mb"

# members_loads WHO PAIR PID ADDRESS
members_loads() {
	members_on members-classic "$@" "$settles" settle -T "classic-$2" -n "${MEMBERS:-1000}"
	members_on members-consumer "$@" "$settles" settle -8 -T "consumer-$2" -p 2000 -n "${MEMBERS:-1000}"
	members_on commit-1-group "$@" "$commits" commit -T "one-$2" -c 32 -d 1024 -t "$seconds"
	members_on commit-100-groups "$@" "$commits" commit -T "many-$2" -g 100 -c 32 -d 2048 -t "$seconds"
}

# A fresh broker with many groups of one member each, then with many committed offsets; killed, and started again.
members_alone() { # PAIR
	local from to groups=${GROUPS_IDLE:-10000}
	start_weir -X group.initial.rebalance.delay.ms=0
	members_on groups-idle weir "$1" "$pid" "$address" "$idles" \
		idle -g "$groups" -n "$groups" -c 100 -p 10 -i 3000 -t "$seconds"
	stop "$pid"
	start_weir
	members_on fill-offsets weir "$1" "$pid" "$address" "offsets_s mb" fill -g "$groups" -p 100 -c 16
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || true
	quiet
	from=${EPOCHREALTIME/[.,]/}
	start weir "$weir" broker --data "$scratch/weir" -l 127.0.0.1:0
	to=${EPOCHREALTIME/[.,]/}
	members_on load-offsets weir "$1" "$pid" "$address" "serving_ms loaded_ms mb" \
		loaded -g "$groups" -p 100 -c 1
	sample load-offsets weir "$1" ready_ms "$(awk -F'\t' -v pair="$1" -v us=$((to - from)) '
		$1 == "load-offsets" && $3 == pair && $4 == "serving_ms" { print us / 1000 + $5 }' "$samples")"
	stop "$pid"
}

group_members() {
	local pair weir_pid weir_at
	for pair in $(seq "$pairs"); do members_alone "$pair"; done
	figure groups-idle cpu_percent - "<=" 10
	figure groups-idle mb - "<=" 150
	figure fill-offsets offsets_s -
	figure load-offsets ready_ms - "<=" 2000
	figure load-offsets loaded_ms -
	start_weir -X group.initial.rebalance.delay.ms=0
	weir_pid=$pid weir_at=$address
	if have_kafka; then
		start_kafka members group.initial.rebalance.delay.ms=0 log.flush.interval.messages=1
		kafka_at=$address
		members_loads kafka 0 "$kafka_pid" "$kafka_at" # warm
	fi
	for pair in $(seq "$pairs"); do
		[ -z "${kafka_at:-}" ] || members_loads kafka "$pair" "$kafka_pid" "$kafka_at"
		members_loads weir "$pair" "$weir_pid" "$weir_at"
	done
	local test
	for test in members-classic members-consumer; do
		figure $test settle_ms - "<=" 2000
		figure $test settle_ms kafka
		figure $test join_ms kafka
		figure $test leave_ms kafka
		figure $test cpu_s kafka
	done
	figure commit-1-group req_s - ">=" 20000
	figure commit-100-groups req_s - ">=" 20000
	for test in commit-1-group commit-100-groups; do
		figure $test req_s kafka
		figure $test p99_ms kafka
		figure $test cpu_us_req kafka
	done
	stop_all
	rm -rf "$scratch/weir" "$scratch/members"
}
