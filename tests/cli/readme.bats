#!/usr/bin/env bats
# Every line that README tells people to type, in its order, does what it should.
load common
load broker

local_setup() {
	need jq
	mkdir "$TMP/bin" "$TMP/w"
	ln -s "$WEIR" "$TMP/bin/weir"
	export PATH=$TMP/bin:$PATH
	cd "$TMP/w"
}

local_teardown() {
	cd /
	stop_broker
}

@test "the lines of README" {
	local count=0 failed=0 line
	while IFS= read -r line <&7; do
		line=${line#    }
		case $line in
		./bootstrap*) continue ;;
		"weir broker &")
			start_broker 7>&-
			continue
			;;
		"weir --dir data cat orders"*)
			# Of the broker, which stops first.
			stop_broker
			rm -rf data
			cp -r "$TMP/data" data
			;;
		"weir topic list -vv"*) start_broker 7>&- ;;
		esac
		count=$((count + 1))
		timeout 20 bash -o pipefail -c "$line" >"$TMP/out" 2>&1 </dev/null 7>&- ||
			{ failed=$((failed + 1)); echo "failed: $line"; cat "$TMP/out"; }
		case $line in
		*numbers*) is 3 "$(wc -l <"$TMP/out")" ;;
		*ephemeral*) is hello "$(cat "$TMP/out")" ;;
		*'%p %o %k %s'*) has "$(cat "$TMP/out")" 'ann {"n":1}' ;;
		*"cat orders -G k=ann"*) is '{"n":1}' "$(cat "$TMP/out")" ;;
		esac
	done 7< <(grep '^    ' "$top_srcdir/README")
	echo "$count lines"
	[ $count -ge 14 ]
	[ $failed -eq 0 ]
}
