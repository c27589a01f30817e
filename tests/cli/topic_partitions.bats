#!/usr/bin/env bats
# ways: broker dir
load common
load broker

local_setup() { start_way t:2; }
local_teardown() { stop_way; }

rows() { $WEIR "$@" --no-header | tr '\t' '|'; }

@test "add-partitions: so many in all, or so many more" {
	is "t|2|4|would add||" "$(rows topic add-partitions t -p 4 --dry-run)"
	is "t|2|4|added||" "$(rows topic add-partitions t -p 4)"
	is "t|4|7|added||" "$(rows topic add-partitions t -p +3)"
	is "t|7|7|unchanged||" "$(rows topic add-partitions t -p 7)"
	is 7 "$(rows topic describe t --partitions | wc -l)"
	echo x | $WEIR produce t -p 6
	is 1 "$(rows topic offsets t -p 6 | cut -d '|' -f 4)"
}

@test "add-partitions: what cannot be" {
	both $WEIR topic add-partitions t -p 1
	is 2 "$status"
	has "$err" INVALID_PARTITIONS
	both $WEIR topic add-partitions t
	is 2 "$status"
	has "$err" "-p is missing"
	for bad in 0 -1 +0 x 100001; do
		both $WEIR topic add-partitions t -p $bad
		is 2 "$status"
		is "" "$out"
	done
	both $WEIR topic add-partitions t u -p 3 --no-header
	is 6 "$status"
	has "$out" $'t\t2\t3\tadded'
	has "$out" $'u\t\t\tfailed'
}

@test "offsets: start, end, places, times" {
	$WEIR produce t -J <<-'END'
		{"partition":0,"ts":1000,"value":"a"}
		{"partition":0,"ts":2000,"value":"b"}
		{"partition":0,"ts":3000,"value":"c"}
		{"partition":1,"ts":1500,"value":"d"}
	END
	is "t|0|0|3|||ok||" "$(rows topic offsets t -p 0)"
	is "2 0" "$(rows topic offsets t -o -1 | cut -d '|' -f 5 | xargs)"
	is "1 1" "$(rows topic offsets t -o +1 | cut -d '|' -f 5 | xargs)"
	is "0 0" "$(rows topic offsets t -o start | cut -d '|' -f 5 | xargs)"
	is "3 1" "$(rows topic offsets t -o end | cut -d '|' -f 5 | xargs)"
	is "t|0|0|3|1|2000|ok||" "$(rows topic offsets t -p 0 -o @1970-01-01T00:00:01.500Z)"
	# Later than the last record: the end.
	is "1" "$(rows topic offsets t -p 1 -o @1970-01-01T00:00:10Z | cut -d '|' -f 5)"
	is "2," "$(rows topic offsets t -o 0=2 | cut -d '|' -f 5 | paste -sd ,)"
	both $WEIR topic offsets t -p 2
	is 6 "$status"
	both $WEIR topic offsets t -o 7x
	is 2 "$status"
	has "$err" '"7x" is none of start, end, N, -N, +N, @TIME'
}

@test "trim: only with -y, what went is gone, the rest stays" {
	printf 'a\nb\nc\n' | $WEIR produce t -p 0
	both $WEIR topic trim t -o 2 </dev/null
	is 2 "$status"
	has "$err" "-y answers yes"
	is "t|0|0|2|3|would trim||" "$(rows topic trim t -o 2 -p 0 --dry-run)"
	is "0|3" "$(rows topic offsets t -p 0 | cut -d '|' -f 3,4)"
	is "t|0|0|2|3|trimmed||" "$(rows topic trim -y t -o 2 -p 0)"
	is "2|3" "$(rows topic offsets t -p 0 | cut -d '|' -f 3,4)"
	is "c" "$($WEIR cat t)"
	is "t|0|2|2|3|unchanged||" "$(rows topic trim -y t -o 1 -p 0)"
	both $WEIR topic trim -y t -o 9 -p 0
	is 1 "$status"
	has "$err" OFFSET_OUT_OF_RANGE
	both $WEIR topic trim t
	is 2 "$status"
	has "$err" "-o is missing"
	both $WEIR topic trim -y nope -o end
	is 6 "$status"
}

@test "partition-of says where produce puts a key, as Java does" {
	$WEIR topic create many -p 12
	for key in a k1 customer-17 'é' ''; do
		wanted=$(echo v | $WEIR produce many -k "$key" --report '%p\n')
		is "$wanted" "$(rows partition-of "$key" -t many | cut -d '|' -f 2)"
		is "$wanted" "$(rows partition-of "$key" -p 12 -b 127.0.0.1:1 | cut -d '|' -f 2)"
	done
	both $WEIR partition-of k -t mny
	is 6 "$status"
	has "$err" "did you mean"
	for bad in "" "-t many -p 3" "-p 0"; do
		both $WEIR partition-of k $bad
		is 2 "$status"
	done
}
