#!/usr/bin/env bats
# ways: broker dir
load common
load broker

local_setup() { start_way a:2 b:1; }
local_teardown() { stop_way; }

@test "info: the broker, its partitions, the cluster's id" {
	both $WEIR cluster info --no-header
	is 0 "$status"
	is 1 "$(wc -l <<<"$out")"
	IFS=$'\t' read -r broker_id host port rest <<<"$out"
	is 1 "$broker_id"
	has "$rest" $'true\t3\t3\t0\t'
	id=$(sed -n 's/^cluster.id=//p' "$TMP/data/meta.properties")
	[ -n "$id" ]
	is "$id" "${out##*$'\t'}"
	if [ "$way" = broker ]; then is "$WEIR_BROKERS" "$host:$port"; fi
}
