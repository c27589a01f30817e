#!/usr/bin/env bats
# weir segment and weir dir on what Kafka itself wrote (tests/data/disk).
load common

local_setup() {
	need jq
	golden=$top_srcdir/tests/data/disk/clean
	data=$TMP/data
	cp -r "$golden/data" "$data"
	chmod -R u+w "$data"
}

# Envelopes as the expected files have records: base64 everywhere.
normal='def b64: if . == null then null elif type == "object" then .b64 else @base64 end;
	{offset, timestamp: .ts, key: (.key_b64 // (.key | b64)), value: (.value_b64 // (.value | b64)),
	 headers: (.headers | map([.[0], (.[1] | b64)]))}'

# same FILE.gz: standard input is the expected lines.
same() {
	jq -cS . >"$TMP/got"
	gzip -dc "$1" | jq -cS . >"$TMP/wanted"
	diff "$TMP/wanted" "$TMP/got" | head -5
	cmp "$TMP/wanted" "$TMP/got"
}

@test "cat: what a consumer got, uncommitted and committed" {
	for p in txn-0 trimmed-0; do
		$WEIR segment cat --dir "$data" $p -J | jq -c "$normal" |
			same "$golden/expected/$p/read_uncommitted.jsonl.gz"
	done
	$WEIR segment cat "$data/txn-0" -J --isolation committed | jq -c "$normal" |
		same "$golden/expected/txn-0/read_committed.jsonl.gz"
}

@test "cat: a topic, a partition, a directory and a file are the same records" {
	wanted=$($WEIR segment cat "$data/txn-0" -f '%t %p %o %k %s\n')
	is "$wanted" "$($WEIR segment cat --dir "$data" txn -f '%t %p %o %k %s\n')"
	is "$wanted" "$(WEIR_DIR=$data $WEIR segment cat txn-0 -f '%t %p %o %k %s\n')"
	is "$wanted" "$($WEIR segment cat "$data"/txn-0/*.log -f '%t %p %o %k %s\n')"
	cd "$data/txn-0"
	is "$wanted" "$($WEIR segment cat . -f '%t %p %o %k %s\n')"
	is "$wanted" "$($WEIR segment cat *.log -f '%t %p %o %k %s\n')"
}

@test "cat: from the log start on, --all shows what is before it" {
	is 149 "$($WEIR segment cat "$data/trimmed-0" -f '%o\n' -c 1)"
	is 85 "$($WEIR segment cat "$data/trimmed-0" --all -f '%o\n' -c 1)"
	is 160 "$($WEIR segment cat "$data/trimmed-0" -o 160 -f '%o\n' -c 1)"
}

@test "cat: --batches gives the segments back" {
	cat "$data"/txn-0/*.log >"$TMP/all"
	$WEIR segment cat "$data/txn-0" --batches | cmp - "$TMP/all"
	mkdir "$TMP/copy-0"
	$WEIR segment cat "$data/txn-0" --batches >"$TMP/copy-0/00000000000000000000.log"
	is "$($WEIR segment cat "$data/txn-0" -f '%o %k %s\n')" \
		"$($WEIR segment cat "$TMP/copy-0" -f '%o %k %s\n')"
	both $WEIR segment cat "$data/txn-0" --batches -J
	is 2 "$status"
}

@test "cat: formats show their mistakes" {
	both $WEIR segment cat "$data/txn-0" -f '%o %Z'
	is 2 "$status"
	is 'weir: segment cat: format: unknown token %Z
  %o %Z
     ^
  hint: see "weir help segment cat"' "$err"
	both $WEIR segment cat "$data/txn-0" -f '%s{unpack:q'
	is 2 "$status"
	both $WEIR segment cat "$data/txn-0" -f '%T{big32}'
	is 8 "$status"
}

@test "cat: a closed pipe is silent, a full disk is not" {
	$WEIR segment cat "$data/txn-0" 2>"$TMP/stderr" | head -1 >/dev/null
	is "" "$(cat "$TMP/stderr")"
	[ -c /dev/full ] || skip "no /dev/full"
	status=0
	$WEIR segment cat "$data/txn-0" >/dev/full 2>"$TMP/stderr" || status=$?
	is 1 "$status"
	has "$(cat "$TMP/stderr")" "No space left"
}

@test "control bytes of records do not reach a terminal" {
	need script
	need python3
	mkdir "$TMP/evil-0"
	# A message of magic 0: offset, size, crc, magic, attributes, key -1, value.
	python3 - "$TMP/evil-0/00000000000000000000.log" <<'PY'
import struct, sys, zlib
value = b"a\x1b[2Jb\xffc"
body = bytes([0, 0]) + struct.pack(">i", -1) + struct.pack(">i", len(value)) + value
message = struct.pack(">I", zlib.crc32(body)) + body
open(sys.argv[1], "wb").write(struct.pack(">qi", 0, len(message)) + message)
PY
	is "$(printf 'a\033[2Jb\377c\n')" "$($WEIR segment cat "$TMP/evil-0")"
	is 'a\x1b[2Jb\xffc' "$(script -qec "$WEIR segment cat $TMP/evil-0" /dev/null | tr -d '\r')"
}

@test "inspect: every batch as Kafka's own reader has it" {
	for p in txn-0 trimmed-0; do
		$WEIR segment inspect "$data/$p" -O jsonl | jq -cS '{file, position, size, base_offset,
			last_offset, count, leader_epoch, magic, crc, crc_valid, codec, timestamp_type,
			base_timestamp, max_timestamp, producer_id, producer_epoch, base_sequence,
			transactional, control, delete_horizon}' >"$TMP/got"
		gzip -dc "$golden/expected/$p/batches.jsonl.gz" | jq -cS '{file, position, size,
			base_offset: .baseOffset, last_offset: .lastOffset, count,
			leader_epoch: .leaderEpoch, magic, crc, crc_valid: .crcValid, codec,
			timestamp_type: .timestampType, base_timestamp: .baseTimestamp,
			max_timestamp: .maxTimestamp, producer_id: .producerId,
			producer_epoch: .producerEpoch, base_sequence: .baseSequence,
			transactional: .isTransactional, control: .isControl,
			delete_horizon: .deleteHorizonMs}' >"$TMP/wanted"
		cmp "$TMP/wanted" "$TMP/got"
	done
	is "$($WEIR segment cat "$data/txn-0" --all -f '%o\n' | wc -l)" \
		"$($WEIR segment inspect "$data/txn-0" --records --no-header | wc -l)"
}

@test "list: every segment, in every form" {
	is 6 "$($WEIR segment list "$data" --no-header | wc -l)"
	is 4 "$($WEIR segment list --dir "$data" txn -O json | jq length)"
	is 15956 "$($WEIR segment list "$data/trimmed-0" -O jsonl | jq -s '.[0].bytes')"
}

@test "verify: whole is 0, damaged is 1 and says where" {
	both $WEIR segment verify "$data"
	is 0 "$status"
	is 1 "$(wc -l <<<"$out")"
	printf 'X' | dd of="$data/txn-0/00000000000000000053.log" bs=1 seek=1000 conv=notrunc 2>/dev/null
	both $WEIR segment verify "$data" -O jsonl
	is 1 "$status"
	has "$(jq -r .file <<<"$out")" 00000000000000000053.log
	has "$err" "faults in 6 segments"
}

@test "damage: cat stops with exit 8, or goes on with --on-error skip" {
	f=$data/txn-0/00000000000000000053.log
	printf 'X' | dd of="$f" bs=1 seek=1000 conv=notrunc 2>/dev/null
	both $WEIR segment cat "$data/txn-0" -f '%o\n'
	is 8 "$status"
	has "$err" "$f at byte "
	has "$err" CORRUPT_MESSAGE
	both $WEIR segment cat "$data/txn-0" -f '%o\n' --on-error skip
	is 0 "$status"
	[ "$(tail -1 <<<"$out")" -gt 200 ]
	has "$err" warning
	# A length field that lies.
	printf '\377' | dd of="$f" bs=1 seek=8 conv=notrunc 2>/dev/null
	both $WEIR segment cat "$f"
	is 8 "$status"
	both $WEIR segment cat "$f" --on-error skip
	is 0 "$status"
	has "$err" skipped
}

@test "what is not there" {
	both $WEIR segment cat "$TMP/nothing"
	is 6 "$status"
	both $WEIR segment cat --dir "$data" txm
	is 6 "$status"
	has "$err" 'did you mean "txn"?'
	both $WEIR segment list
	is 2 "$status"
	both $WEIR segment cat "$data/meta.properties"
	is 2 "$status"
	mkdir "$TMP/empty"
	both $WEIR segment list "$TMP/empty"
	is 6 "$status"
}
