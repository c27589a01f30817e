#!/usr/bin/env bats
# weir wire decode on frames of tests/data/wire.
load common

# frame KEY VERSION request|response: a recorded frame, without its length, to standard output.
frame() {
	jq -r "select(.key == $1 and .version == $2) | .$3 // empty" "$top_srcdir/tests/data/wire/frames.jsonl" |
		head -1 | base64 -d
}

# with_length FILE: the frame as it stands on a connection.
with_length() {
	printf "$(printf '\\x%02x' $(($(stat -c %s "$1") >> 24 & 255)) $(($(stat -c %s "$1") >> 16 & 255)) \
		$(($(stat -c %s "$1") >> 8 & 255)) $(($(stat -c %s "$1") & 255)))"
	cat "$1"
}

local_setup() {
	frame 3 12 request >"$TMP/request"
	frame 3 12 response >"$TMP/response"
	[ -s "$TMP/request" ] && [ -s "$TMP/response" ]
}

# Every byte once and in order.
whole() {
	awk -F '\t' -v begin="$2" 'NR > 1 { if ($2 != begin) bad = 1; begin = $2 + $3 } END { print bad ? "gap" : begin }' <<<"$1"
}

@test "a request says itself what it is" {
	both $WEIR wire decode --bare "$TMP/request"
	is 0 "$status"
	has "$out" "request_api_key	3 Metadata"
	has "$out" "request_api_version	12"
	is "$(stat -c %s "$TMP/request")" "$(whole "$out" 0)"
}

@test "an answer needs its API and version, by name or number" {
	both $WEIR wire decode --bare --response metadata:12 "$TMP/response"
	is 0 "$status"
	has "$out" "brokers[0].host"
	is "$(stat -c %s "$TMP/response")" "$(whole "$out" 0)"
	is "$out" "$($WEIR wire decode --bare --response 3:12 <"$TMP/response")"
}

@test "frames with lengths follow each other, as on a connection" {
	{ with_length "$TMP/request"; with_length "$TMP/request"; } >"$TMP/two"
	both $WEIR wire decode "$TMP/two"
	is 0 "$status"
	is "$(stat -c %s "$TMP/two")" "$(whole "$out" 0)"
	is "0 1" "$(cut -f 1 <<<"$out" | tail -n +2 | sort -u | paste -sd ' ')"
}

@test "hexadecimal text is the same bytes" {
	is "$($WEIR wire decode --bare "$TMP/request")" \
		"$(od -An -v -tx1 "$TMP/request" | $WEIR wire decode --bare --hex)"
	both $WEIR wire decode --hex <<<'00 0g'
	is 8 "$status"
	has "$err" "standard input:1: byte 0x67 is no hexadecimal digit"
}

@test "json has one object a field" {
	$WEIR wire decode --bare "$TMP/request" -O json |
		jq -e '.[0] | .field == "request_api_key" and .value == "3 Metadata" and .bytes == "00 03"'
}

@test "bad bytes are named, what came before them is explained" {
	head -c -3 "$TMP/response" >"$TMP/cut"
	both $WEIR wire decode --bare --response Metadata:12 "$TMP/cut"
	is 8 "$status"
	has "$out" "brokers[0].host"
	has "$err" "frame 0 at byte 0: MetadataResponse version 12"
	{ cat "$TMP/request"; printf 'xx'; } >"$TMP/longer"
	both $WEIR wire decode --bare "$TMP/longer"
	is 8 "$status"
	has "$err" "2 bytes behind Metadata version 12"
	both $WEIR wire decode <<<'GET / HTTP/1.1'
	is 8 "$status"
	has "$err" "length 1195725856, but 11 bytes are left"
}

@test "an API that is not there has a hint" {
	both $WEIR wire decode --response Metdata:12 "$TMP/response"
	is 2 "$status"
	has "$err" "did you mean Metadata?"
	both $WEIR wire decode --response Metadata:99 "$TMP/response"
	is 2 "$status"
	both $WEIR wire decode "$TMP/none"
	is 6 "$status"
}
