#!/usr/bin/env bash
# The tools of this folder work: load against a skeleton and a weir, what went in comes out. Nothing is timed.
set -euo pipefail
. "$(dirname "$0")/lib.bash"
bad=0
expect() { # WHAT WANTED LINE
	local got
	got=$(value "$1" "$3")
	[ "$got" = "$2" ] || { echo "$1 is $got, not $2: $3"; bad=1; }
}
both() { # WHO LOAD-OPTION...
	local who=$1 line
	shift
	line=$("$tools/load" produce "$@" -n 200 -c 2 -d 3 -b 4096 -p 2 -t 60 "$address")
	expect requests 200 "$line"
	expect errors 0 "$line"
	records=$(value records "$line")
	line=$("$tools/load" produce "$@" -n 50 -r 1000 -c 2 -b 100 -T other -t 60 "$address")
	expect requests 50 "$line"
	expect records 50 "$line"
	line=$("$tools/load" produce "$@" -n 3 -b 900000 -s 1000 -T big -t 60 "$address")
	expect requests 3 "$line"
	[ "$who" != weir ] || expect records "$records" \
		"$("$tools/load" fetch -C -c 2 -b 65536 -p 2 -t 60 "$address")"
}
start_skeleton
both skeleton -S
start_skeleton -g
both group -S
start_weir -X flush.mode=group
both weir -a -1
start_weir -X group.initial.rebalance.delay.ms=0
both weir
members() { # MODE ARG...
	expect errors 0 "$("$tools/members" "$@" "$address")"
}
members settle -T s -n 20 -p 40 -i 20
members settle -8 -T c -n 20 -p 40 -i 20
members idle -T i -n 30 -g 30 -c 3 -p 1 -t 0.2 -i 100
members commit -T m -g 3 -c 2 -p 4 -t 0.2
members fill -T f -g 10 -p 20 -c 2
expect offsets 200 "$("$tools/members" loaded -T f -g 10 -p 20 -c 1 "$address")"
# A warm request allocates nothing; what is counted now and then is the housekeeper's.
mkdir "$scratch/allocs"
while read -r kind n; do
	awk -v n="$n" 'BEGIN { exit !(n < 0.5) }' || { echo "$kind: $n allocations a request"; bad=1; }
done < <("$tools/allocs" "$scratch/allocs")
[ $bad -eq 0 ] && echo "load, skeleton and weir agree"
exit $bad
