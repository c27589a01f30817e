#!/usr/bin/env bats
# -vv shows every request and answer; --resolve leads to other addresses.
load common

# with_broker SCRIPT: runs it with a broker of its own; as both.
with_broker() {
	both $WEIR broker --ephemeral -l 127.0.0.1:0 --topic t:2 -- bash -c "$1"
}

@test "-vv: requests and answers with their fields, on standard error" {
	with_broker 'echo hi | "$WEIR" produce t -vv'
	is 0 "$status"
	is "" "$out"
	has "$err" "-> 127.0.0.1:"
	has "$err" ' Produce v'
	has "$err" 'records:1 batch, offsets 0 to 0'
	has "$err" 'error_code:0 NONE'
	with_broker 'echo hi | "$WEIR" produce t -v'
	is 1 "$(grep -c . <<<"$err")"
}

@test "-vv cuts long lines, -vvv does not" {
	with_broker '"$WEIR" topic create u -vv'
	is 0 "$(awk 'length > 1010' <<<"$err" | grep -c .)"
	has "$err" " ..."
	with_broker '"$WEIR" topic create u -vvv'
	has "$err" "unclean.leader.election.enable"
	[[ $err != *" ..." ]]
}

@test "-vv: what may be secret is not shown" {
	with_broker '"$WEIR" topic create u -c ssl.keystore.password=hunter2 -vvv'
	[ "$status" -ne 0 ]
	has "$err" 'name:"ssl.keystore.password",value:"***"'
	[[ $(grep -- '^->' <<<"$err") != *hunter2* ]]
}

@test "--resolve: the list of brokers" {
	with_broker '"$WEIR" topic list -b no.such.host:1 --resolve "no.such.host:1=$WEIR_BROKERS"'
	is 0 "$status"
	has "$out" "t	2	1"
}

@test "--resolve: what a broker advertises" {
	load broker
	start_broker --advertise no.such.host:7777 --topic t:1
	both $WEIR cat t
	is 3 "$status"
	has "$err" "advertises node 1 as no.such.host:7777"
	echo hi | $WEIR produce t --resolve no.such.host:7777="$WEIR_BROKERS"
	both $WEIR cat t --resolve no.such.host="$WEIR_BROKERS"
	stop_broker
	is 0 "$status"
	is hi "$out"
}

@test "--resolve: bad words are refused" {
	both $WEIR topic list --resolve nothing
	is 2 "$status"
	has "$err" '--resolve: "nothing" is not ADDRESS=REAL'
	both $WEIR topic list --resolve a:1=b:99999
	is 2 "$status"
}
