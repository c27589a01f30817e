# A real Kafka, one node, from KAFKA_HOME: a distribution (libs/*.jar) or a folder of its jars.
kafka_pid=
kafka_libs=
if [ -n "${KAFKA_HOME:-}" ]; then
	kafka_libs=$KAFKA_HOME
	[ ! -d "$KAFKA_HOME/libs" ] || kafka_libs=$KAFKA_HOME/libs
fi

have_kafka() {
	[ -n "$kafka_libs" ] && command -v java >/dev/null && ls "$kafka_libs"/kafka_2.13-*.jar >/dev/null 2>&1
}

free_port() {
	local port
	for port in $(shuf -n 50 -i 20000-30000); do
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
	done
}

kafka_java() { java -cp "$kafka_libs/*" "$@"; }

# start_kafka NAME [KEY=VALUE...]: sets kafka_pid and address.
start_kafka() {
	local dir=$scratch/$1 port controller turn
	port=$(free_port) controller=$(free_port)
	mkdir -p "$dir"
	cat >"$dir/properties" <<-P
	process.roles=broker,controller
	node.id=1
	controller.quorum.bootstrap.servers=127.0.0.1:$controller
	listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
	controller.listener.names=CONTROLLER
	log.dirs=$dir/data
	offsets.topic.replication.factor=1
	transaction.state.log.replication.factor=1
	transaction.state.log.min.isr=1
	P
	printf '%s\n' "${@:2}" >>"$dir/properties"
	kafka_java kafka.tools.StorageTool format --standalone -t AAAAAAAAQACAAAAAAAAAAQ -c "$dir/properties" \
		>"$dir/out" 2>&1 || { cat "$dir/out"; exit 1; }
	java -Xms1g -Xmx1g -server -XX:+UseG1GC -cp "$kafka_libs/*" kafka.Kafka "$dir/properties" >"$dir/out" 2>&1 &
	kafka_pid=$!
	pids+=("$kafka_pid")
	address=127.0.0.1:$port
	for turn in $(seq 600); do
		if "$weir" -b "$address" topic list >/dev/null 2>&1; then return; fi
		kill -0 "$kafka_pid" 2>/dev/null || break
		sleep 0.1
	done
	echo "Kafka did not start ($turn): $dir/out" >&2
	tail -5 "$dir/out" >&2
	exit 1
}
