#!/usr/bin/env bats
load common

local_setup() {
	need jq
	data=$TMP/data
	cp -r "$top_srcdir/tests/data/disk/clean/data" "$data"
	chmod -R u+w "$data"
}

@test "info" {
	both $WEIR dir info "$data" -O json
	is 0 "$status"
	is '["XJzbCLTNQXWp8XqvNMxAxQ",1,"NZKB65-DQRqin1WuwdLsYA",true,2,2,0,6]' "$(jq -c '.[] |
		[.cluster_id, .node_id, .directory_id, .clean, .topics, .partitions, .deleting, .segments]' \
		<<<"$out")"
	is "$out" "$($WEIR dir info --dir "$data" -O json)"
}

@test "list" {
	is '[["trimmed",0,"partition",2,149],["txn",0,"partition",4,0]]' "$($WEIR dir list "$data" \
		-O json | jq -c 'map([.topic, .partition, .kind, .segments, .log_start])')"
	mv "$data/txn-0" "$data/txn-0.0123456789abcdef0123456789abcdef-delete"
	is delete "$($WEIR dir list "$data" -O jsonl | jq -rs '.[1].kind')"
}

@test "check: sound is 0, every damage is found" {
	both $WEIR dir check "$data"
	is 0 "$status"
	cp -r "$data" "$TMP/good"
	damage() { # FILE WANTED, then the command that does it
		local file=$1 wanted=$2
		shift 2
		rm -rf "$data"
		cp -r "$TMP/good" "$data"
		"$@" "$data/$file"
		both $WEIR dir check "$data"
		is 1 "$status"
		has "$out" "$wanted"
	}
	spoil() { printf 'nonsense' >"$1"; }
	damage meta.properties meta.properties rm
	damage log-start-offset-checkpoint log-start-offset-checkpoint spoil
	damage txn-0/partition.metadata partition.metadata rm
	damage txn-0/leader-epoch-checkpoint leader-epoch-checkpoint spoil
	damage txn-0/00000000000000000053.index 00000000000000000053.index spoil
	damage txn-0/00000000000000000160.log 00000000000000000160.log truncate -s -3
	both $WEIR dir check "$data" -O json
	is 1 "$status"
	jq -e 'length > 0' <<<"$out" >/dev/null
}

@test "check changes nothing" {
	before=$(cd "$data" && find . -type f -exec cksum {} + | sort)
	$WEIR dir check "$data"
	$WEIR dir list "$data" >/dev/null
	$WEIR segment verify "$data" >/dev/null
	is "$before" "$(cd "$data" && find . -type f -exec cksum {} + | sort)"
}

@test "no directory" {
	both $WEIR dir list
	is 2 "$status"
	both $WEIR dir list "$TMP/none"
	is 6 "$status"
}
