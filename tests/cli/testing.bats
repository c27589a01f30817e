#!/usr/bin/env bats
# weir as a part of other people's tests: contrib/weir-test.bash, and the programs of weir-testing(7).
load common

local_setup() {
	mkdir "$TMP/bin" "$TMP/t"
	ln -s "$WEIR" "$TMP/bin/weir"
	export PATH=$TMP/bin:$PATH TMPDIR=$TMP/t
	# shellcheck disable=SC1091
	source "$top_srcdir/contrib/weir-test.bash"
}

local_teardown() {
	weir_stop
}

# block HEADING: the program below it in the page.
block() {
	awk -v head="$1" '/^\.Ss / { on = $0 == ".Ss " head } /^\.Ed/ { inside = 0 }
		on && inside { print } on && /^\.Bd/ { inside = 1 }' "$top_srcdir/man/weir-testing.7" |
		sed 's/\\e/\\/g; s/^\\&//'
}

@test "a broker for a test: topics are there, everything goes" {
	weir_start orders:3 payments:1
	is "3
1" "$(weir topic list --no-header | cut -f 2)"
	(sleep 0.2; echo paid | weir produce payments) 3>&- &
	weir_wait payments 1
	is paid "$(weir cat payments)"
	local pid=$WEIR_BROKER_PID
	weir_stop
	! kill -0 "$pid" 2>/dev/null
	is "" "$(ls "$TMP/t")"
	weir_stop
}

@test "a broker that dies and comes back" {
	weir_start t:1
	echo kept | weir produce t
	weir_kill
	both weir cat t
	is 3 "$status"
	weir_restart
	is kept "$(weir cat t)"
}

@test "a broker that does not start says why" {
	both weir_start 'bad name:1'
	is 1 "$status"
	has "$err" "bad name"
	is "" "$(ls "$TMP/t")"
}

@test "the page: bats" {
	{ echo '#!/usr/bin/env bats'; block 'A broker for each test, in bats' |
		sed "s#/usr/local/share/weir#$top_srcdir/contrib#"; } >"$TMP/page.bats"
	cd "$TMP"
	printf '#!/bin/sh\nexec weir consume orders -c 1 -b "$2" | weir produce payments -b "$2"\n' >service
	chmod +x service
	bats "$TMP/page.bats" 3>&-
}

@test "the page: Python" {
	need python3
	mkdir "$TMP/lib"
	# Just enough of pytest to run the page's test without it.
	printf 'def fixture(f):\n    return f\n' >"$TMP/lib/pytest.py"
	{ block Python; printf 'it = brokers()\ntest_orders(next(it))\nnext(it, None)\n'; } >"$TMP/page.py"
	PYTHONPATH=$TMP/lib python3 "$TMP/page.py"
	is "" "$(ls "$TMP/t")"
}

@test "the page: Java" {
	need java
	{
		echo 'class Page { public static void main(String[] args) throws Exception {'
		block Java | sed 's#/\* new Kafka.*#System.out.println(address);#'
		echo '} }'
	} >"$TMP/Page.java"
	has "$(java "$TMP/Page.java")" "127.0.0.1:"
}
