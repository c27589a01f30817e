#!/usr/bin/env bats
# The configuration file, its contexts, and which source of a property wins.
load common
load broker

local_setup() {
	export HOME=$TMP XDG_CONFIG_HOME=$TMP/.config
	file=$TMP/.config/weir/config
	mkdir -p "${file%/*}"
	unset WEIR_CONTEXT
}
local_teardown() { stop_broker; }

# value KEY ARGS...: "VALUE|ORIGIN" that config show tells.
value() { $WEIR config show "$1" "${@:2}" --no-header -q | cut -f 2,3 | tr '\t' '|'; }

two_contexts() {
	cat >"$file" <<-'END'
		# for all
		default-context = dev
		client.id = top
		linger.ms = 1

		[context dev]
		bootstrap.servers = d1:9092

		[context prod]
		bootstrap.servers = k1:9093,k2:9093
		client.id = from-prod
		confirm = always
		prompt = red
	END
}

@test "each source wins over those behind it" {
	two_contexts
	key=client.id
	is "weir|built in" "$(value $key -F /dev/null)"
	is "top|~/.config/weir/config:3" "$(value $key)"
	is "from-prod|context prod (~/.config/weir/config:11)" "$(WEIR_CONTEXT=prod value $key)"
	is "from-env|\$WEIR_CLIENT_ID" "$(WEIR_CONTEXT=prod WEIR_CLIENT_ID=from-env value $key)"
	# A context that is named on the line is as strong as an option.
	is "from-prod|context prod (~/.config/weir/config:11)" "$(WEIR_CLIENT_ID=from-env value $key -x prod)"
	is "from-X|-X" "$(WEIR_CLIENT_ID=from-env value $key -x prod -X client.id=from-X)"
	is "d1:9092|context dev (~/.config/weir/config:7)" "$(value bootstrap.servers)"
	is "e:1|\$WEIR_BROKERS" "$(WEIR_BROKERS=e:1 value bootstrap.servers)"
	is "b:1|--brokers" "$(WEIR_BROKERS=e:1 value bootstrap.servers -X bootstrap.servers=x:1 -b b:1)"
	is "x:1|-X" "$(WEIR_BROKERS=e:1 value bootstrap.servers -X bootstrap.servers=x:1)"
}

@test "config show tells where commands go, by whom" {
	two_contexts
	has "$($WEIR config show --no-header)" $'context\tdev\t~/.config/weir/config:2\ttrue'
	has "$($WEIR config show --no-header -x prod)" $'context\tprod\t--context\ttrue'
	has "$($WEIR config show --no-header -x prod)" $'confirm\talways\t~/.config/weir/config:12\ttrue'
	has "$($WEIR config show --no-header --dir /x)" $'dir\t/x\t--dir\ttrue'
	is "" "$($WEIR config show --no-header -x - | grep ^context || true)"
	both $WEIR config show clint.id
	is 6 "$status"
	has "$err" "did you mean client.id?"
}

@test "secrets are not shown, and a file that others can read is named" {
	printf 'sasl.password = hunter2\nsasl.password.file = /etc/pw\n' >"$file"
	chmod 644 "$file"
	both $WEIR config show
	has "$err" "~/.config/weir/config holds a secret and others may read it: chmod 600"
	has "$out" $'sasl.password\t\t'
	has "$out" $'sasl.password.file\t/etc/pw\t'
	case $out in *hunter2*) false ;; esac
	chmod 600 "$file"
	both $WEIR config show
	is "" "$err"
}

@test "an unknown key is warned of with its line" {
	printf 'bootstrap.servers = 127.0.0.1:1\nliner.ms = 5\nkey.serializer = x\n' >"$file"
	both $WEIR topic list --timeout 100ms
	is 3 "$status"
	has "$err" '~/.config/weir/config:2: "liner.ms" is not known; did you mean linger.ms?'
	has "$err" '~/.config/weir/config:3: "key.serializer" has no effect'
	has "$err" "brokers from ~/.config/weir/config:1"
}

@test "several contexts and none chosen: exit 2, never a guess" {
	two_contexts
	sed -i /default-context/d "$file"
	both $WEIR topic list
	is 2 "$status"
	has "$err" "which context?"
	has "$err" "dev, prod"
	# What says where to connect needs none.
	is "b:1|--brokers" "$(value bootstrap.servers -b b:1)"
	is "e:1|\$WEIR_BROKERS" "$(WEIR_BROKERS=e:1 value bootstrap.servers)"
	# The only one is meant.
	sed -i '/context prod/,$d' "$file"
	is "d1:9092|context dev (~/.config/weir/config:6)" "$(value bootstrap.servers)"
	is "weir|built in" "$(value client.id -F /dev/null)"
}

@test "a context that is not there" {
	two_contexts
	both $WEIR topic list -x prd
	is 6 "$status"
	has "$err" 'no context "prd" (from --context)'
	has "$err" "did you mean prod?"
	both env WEIR_CONTEXT=nothing $WEIR topic list
	is 6 "$status"
	has "$err" 'from $WEIR_CONTEXT'
	has "$err" "there are dev, prod"
	both $WEIR topic list -x prod --dir "$TMP"
	is 2 "$status"
	both env WEIR_CONTEXT=prod WEIR_DIR="$TMP" $WEIR topic list
	is 2 "$status"
}

@test "include, and files that are not right" {
	echo 'include more' >"$file"
	printf 'client.id = included\n[context c]\nlinger.ms = 3\n' >"${file%/*}/more"
	is "included|~/.config/weir/more:1" "$(value client.id)"
	is "3|context c (~/.config/weir/more:3)" "$(value linger.ms -x c)"
	echo 'include config' >>"${file%/*}/more"
	both $WEIR config show
	is 8 "$status"
	has "$err" "more than 4 files deep"
	for bad in '[context' '[contxt a]' '[context a b]' '[context -]' 'include /no/such/file' 'confirm = maybe' 'prompt = pink'; do
		printf '# a comment\n%s\n' "$bad" >"$file"
		both $WEIR config show
		[ "$status" -ne 0 ]
		has "$err" "~/.config/weir/config:2"
	done
	both $WEIR config show -F "$TMP/none"
	is 6 "$status"
	has "$err" "$TMP/none"
}

@test "Java's and librdkafka's files" {
	printf 'bootstrap.servers=a:1,\\\n  b:2\nclient.id:caf\\u00e9\n' >"$TMP/java.properties"
	is "a:1,b:2|~/java.properties:1" "$(value bootstrap.servers -F "$TMP/java.properties")"
	is "café|~/java.properties:3" "$(value client.id -F "$TMP/java.properties")"
	is "p:1" "$(value bootstrap.servers -F <(echo bootstrap.servers=p:1) | cut -d '|' -f 1)"
	echo 'metadata.broker.list = c:3' >"$TMP/rdkafka.conf"
	is "c:3|~/rdkafka.conf:1" "$(value bootstrap.servers -F "$TMP/rdkafka.conf")"
}

@test "add, list, use, rm keep the rest of the file" {
	rm -r "${file%/*}"
	$WEIR context add dev -b localhost:9092
	is 600 "$(stat -c %a "$file")"
	$WEIR context add prod bootstrap.servers=k1:9092 confirm=always prompt=red -X 'client.id=a\b'
	is 'a\\b' "$(value client.id -x prod | cut -d '|' -f 1)"
	is "dev prod" "$($WEIR context list --no-header | cut -f 1 | xargs)"
	both $WEIR topic list
	is 2 "$status"
	$WEIR context use prod
	is $'prod\ttrue\tk1:9092\talways\tred' "$($WEIR context list --no-header | tail -1 | cut -f 1-5)"
	sed -i '1i # mine' "$file"
	$WEIR context use dev
	is $'# mine\ndefault-context = dev' "$(head -2 "$file")"
	both $WEIR context add dev
	is 7 "$status"
	has "$err" "~/.config/weir/config:"
	both $WEIR context rm dev </dev/null
	is 2 "$status"
	has "$err" "-y answers yes"
	$WEIR context rm -y dev
	is prod "$($WEIR context list --no-header | cut -f 1)"
	is '# mine' "$(head -1 "$file")"
	! grep -q default-context "$file"
	$WEIR context use prod
	$WEIR context use -
	! grep -q default-context "$file"
	both $WEIR context use prd
	is 6 "$status"
	has "$err" "did you mean prod?"
	both $WEIR context add 'a b'
	is 2 "$status"
	both $WEIR context add x 'a b=c'
	is 2 "$status"
	is "would add" "$($WEIR context add y --dry-run --no-header | cut -f 2)"
	is prod "$($WEIR context list --no-header | cut -f 1)"
	printf 'include %s\n' "$file" >"$TMP/other"
	both $WEIR context rm -y prod -F "$TMP/other"
	is 2 "$status"
	has "$err" "included file"
}

@test "confirm = always: every change asks, on the terminal, by the name of the context" {
	start_broker
	printf '[context prod]\nbootstrap.servers = %s\nconfirm = always\nprompt = red\n' "$WEIR_BROKERS" >"$file"
	unset WEIR_BROKERS
	both $WEIR topic create t </dev/null
	is 2 "$status"
	has "$err" "Run weir topic create t?"
	has "$err" "-y answers yes"
	is "" "$($WEIR topic list --no-header)"
	is "would create" "$($WEIR topic create t --dry-run --no-header | cut -f 5)"
	$WEIR topic create t -y
	both $WEIR topic alter t -c retention.ms=5 </dev/null
	is 2 "$status"
	echo n | TERM=xterm script -qec "$WEIR topic add-partitions t -p 3" /dev/null >"$TMP/tty" || true
	has "$(cat "$TMP/tty")" $'\e[31mprod\e[0m: Run weir topic add-partitions t? [y/N]'
	is 1 "$($WEIR topic list --no-header | cut -f 2)"
	echo y | script -qec "$WEIR topic add-partitions t -p 3" /dev/null >"$TMP/tty"
	is 3 "$($WEIR topic list --no-header | cut -f 2)"
}

@test "prompt" {
	need jq
	is "" "$($WEIR context prompt)"
	two_contexts
	is dev "$($WEIR context prompt)"
	is prod "$($WEIR context prompt -x prod)"
	is $'\e[31mprod\e[0m' "$($WEIR context prompt -x prod --color always)"
	is red "$($WEIR context prompt -x prod -O json | jq -r .color)"
	is dev "$($WEIR complete --no-header -- -x d | cut -f 1)"
}

@test "a command of weir broker meets that broker, whatever is configured" {
	two_contexts
	is "" "$(WEIR_DIR=/nowhere $WEIR broker --ephemeral -- sh -c "$WEIR topic list --no-header")"
}
