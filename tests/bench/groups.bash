# Load on brokers, side by side.

# load_on TEST WHO PAIR PID ADDRESS LOAD-ARG...
load_on() {
	local before
	quiet
	before=$(cpu_s "$4")
	keep "$1" "$2" "$3" "$4" "$before" "$("$tools/load" "${@:6}" "$5")"
}

# A fresh skeleton and a fresh weir in turn. GROUP: "-g" for a skeleton that flushes.
beside_skeleton() { # TEST GROUP LOAD-ARG...
	local test=$1 group=$2 pair
	shift 2
	for pair in $(seq "$pairs"); do
		start_skeleton $group
		load_on "$test" skeleton "$pair" "$pid" "$address" "$@" -S
		stop "$pid"
		rm -rf "$scratch/skeleton"
		start_weir
		load_on "$test" weir "$pair" "$pid" "$address" "$@"
		stop "$pid"
		rm -rf "$scratch/weir"
	done
}

one_mb="produce -b 1000000 -s 1000 -a 1"
small="produce -b 16384 -s 100 -c 4 -p 16 -a 1"
single="produce -b 100 -s 200 -c 16 -d 1 -a 1"
group_small="produce -b 16384 -s 100 -c 16 -d 5 -p 16 -a -1"
group_single="produce -b 100 -s 200 -c 64 -d 1 -p 16 -a -1"

# shellcheck disable=SC2086 # the loads are words
group_skeleton() {
	beside_skeleton produce-1MB "" $one_mb -t "$seconds" -m 3000
	figure produce-1MB mb_s skeleton ">=" 0.5
	figure produce-1MB cpu_ms_mb skeleton
	beside_skeleton produce-16KiB "" $small -t "$seconds" -m 3000
	figure produce-16KiB mb_s skeleton ">=" 0.5
	figure produce-16KiB cpu_ms_mb skeleton
	beside_skeleton produce-single "" $single -t "$seconds"
	figure produce-single req_s skeleton
	figure produce-single cpu_us_req skeleton
	figure produce-single p99_ms skeleton
	beside_skeleton commit-16KiB -g $group_small -t "$seconds" -m 2000
	figure commit-16KiB mb_s skeleton
	figure commit-16KiB p99_ms skeleton
	beside_skeleton commit-single -g $group_single -t "$seconds"
	figure commit-single req_s skeleton
}

fill() { "$tools/load" produce -b 16384 -s 100 -p 4 -m 1200 -t 60 "$@" >/dev/null; }

# One broker of each kind keeps the data; the loads take turns.
group_fetch() {
	local pair skeleton weir_pid skeleton_at weir_at conns
	start_skeleton
	skeleton=$pid skeleton_at=$address
	fill -S "$address"
	start_weir
	weir_pid=$pid weir_at=$address
	fill "$address"
	for conns in 1 4; do
		for pair in $(seq "$pairs"); do
			load_on "fetch-1MB-$conns" skeleton "$pair" "$skeleton" "$skeleton_at" fetch -b 1048576 -p 4 -c $conns -t "$seconds" -S
			load_on "fetch-1MB-$conns" weir "$pair" "$weir_pid" "$weir_at" fetch -b 1048576 -p 4 -c $conns -t "$seconds"
		done
		figure "fetch-1MB-$conns" mb_s skeleton
		figure "fetch-1MB-$conns" cpu_ms_mb skeleton
	done
	stop_all
	rm -rf "$scratch/weir" "$scratch/skeleton"
}

# A weir and a Kafka run all the time; each load has a topic of its own on both.
beside_kafka() { # TEST LOAD-ARG...
	local test=$1 pair
	for pair in $(seq "$pairs"); do
		load_on "$test" kafka "$pair" "$kafka_pid" "$kafka_at" "${@:2}" -T "$test-$pair"
		load_on "$test" weir "$pair" "$weir_pid" "$weir_at" "${@:2}" -T "$test-$pair"
		"$weir" -q -b "$kafka_at" topic delete -y "$test-$pair" >/dev/null
		"$weir" -q -b "$weir_at" topic delete -y "$test-$pair" >/dev/null
	done
}

# shellcheck disable=SC2086
group_kafka() {
	local pair weir_pid weir_at kafka_at conns
	if ! have_kafka; then
		echo "kafka: left out, KAFKA_HOME names no Kafka or there is no java"
		return
	fi
	start_weir -X log.segment.delete.delay.ms=1000
	weir_pid=$pid weir_at=$address
	start_kafka kafka log.segment.delete.delay.ms=1000
	kafka_at=$address
	"$tools/load" $small -T warm -t "${WARM:-20}" "$kafka_at" >/dev/null
	"$tools/load" $one_mb -T warm1 -t 5 "$kafka_at" >/dev/null
	beside_kafka produce-1MB-kafka $one_mb -t "$seconds" -m 2000
	figure produce-1MB-kafka mb_s kafka ">=" 1
	figure produce-1MB-kafka cpu_ms_mb kafka
	beside_kafka produce-16KiB-kafka $small -t "$seconds" -m 2000
	figure produce-16KiB-kafka mb_s kafka ">=" 1
	figure produce-16KiB-kafka cpu_ms_mb kafka
	beside_kafka produce-single-kafka $single -t "$seconds"
	figure produce-single-kafka req_s kafka
	figure produce-single-kafka cpu_us_req kafka
	figure produce-single-kafka p99_ms kafka
	beside_kafka latency-kafka produce -b 100 -s 100 -c 4 -r 2000 -a -1 -t "$seconds"
	figure latency-kafka p50_ms kafka
	figure latency-kafka p99_ms kafka
	fill -T fetched "$weir_at"
	fill -T fetched "$kafka_at"
	for conns in 1 4; do
		for pair in $(seq "$pairs"); do
			load_on "fetch-1MB-$conns-kafka" kafka "$pair" "$kafka_pid" "$kafka_at" fetch -b 1048576 -p 4 -c $conns -t "$seconds" -T fetched
			load_on "fetch-1MB-$conns-kafka" weir "$pair" "$weir_pid" "$weir_at" fetch -b 1048576 -p 4 -c $conns -t "$seconds" -T fetched
		done
		figure "fetch-1MB-$conns-kafka" mb_s kafka
		figure "fetch-1MB-$conns-kafka" cpu_ms_mb kafka
	done
	sample memory weir 1 peak_mb "$(($(peak_kb "$weir_pid") / 1000))"
	sample memory kafka 1 peak_mb "$(($(peak_kb "$kafka_pid") / 1000))"
	figure memory peak_mb kafka
	stop "$kafka_pid"
	rm -rf "$scratch/kafka"
	start_kafka flushing log.flush.interval.messages=1 log.segment.delete.delay.ms=1000
	kafka_at=$address
	"$tools/load" $group_small -T warm -t "${WARM:-20}" "$kafka_at" >/dev/null
	beside_kafka commit-16KiB-kafka $group_small -t "$seconds"
	figure commit-16KiB-kafka mb_s kafka ">=" 4
	figure commit-16KiB-kafka p99_ms kafka
	beside_kafka commit-single-kafka $group_single -t "$seconds"
	figure commit-single-kafka req_s kafka ">=" 4
	figure commit-single-kafka p99_ms kafka
	stop_all
	rm -rf "$scratch/flushing" "$scratch/weir"
}
