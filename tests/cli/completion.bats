#!/usr/bin/env bats
# What weir complete finds, and what each shell makes of it.
load common
load broker

local_setup() {
	mkdir "$TMP/bin"
	ln -s "$WEIR" "$TMP/bin/weir"
	PATH=$TMP/bin:$PATH
}
local_teardown() { stop_broker; }

# words WORD...: what the last one may become, on one line.
words() { $WEIR complete --no-header -- "$@" | cut -f 1 | xargs; }

@test "commands and their words" {
	is "error" "$(words erro)"
	is "create" "$(words topic cr)"
	is "get set show" "$(words config '')"
	has "$(words '')" "topic"
	is "" "$(words nosuch x)"
	is "delete describe" "$(words help topic de)"
	has "$(words help '')" "settings"
}

@test "options, with letters and without; what is behind --" {
	is "--no-header" "$(words error --no-)"
	is "--partitions" "$(words topic create --part)"
	has "$(words topic create -)" "-p"
	has "$(words -)" "-V"
	is ":files" "$(words broker --ephemeral -- '')"
	is "" "$(words topic list -- --no)"
}

@test "every command completes its options" {
	need jq
	while read -r path; do
		has "$(words $path --no-h)" --no-header
	done < <(all_commands)
}

@test "values: choices, files, folders, settings" {
	is "json jsonl" "$(words error list -O js)"
	is "--output=json --output=jsonl" "$(words error list --output=js)"
	is ":files" "$(words produce t '')"
	is ":files" "$(words -F '')"
	is ":folders" "$(words --dir '')"
	is ":folders" "$(words dir info '')"
	is "linger.ms=" "$(words produce t -X lin)"
	is "num.partitions=" "$(words broker -X num.part)"
	is "cleanup.policy=compact" "$(words topic create t -c cleanup.policy=c)"
	is "cleanup.policy=delete" "$(words topic create t --setting=cleanup.policy=d | sed 's/--setting=//')"
	is "topic:" "$(words config get to)"
	is "retention.ms=" "$(words config set topic:t retention.m)"
	is "retention.ms" "$(words config get topic:t retention.m)"
	is "OFFSET_OUT_OF_RANGE" "$(words error OFFSET_OUT)"
	is "bash" "$(words completion b)"
	# The key of a record is no setting.
	is "" "$(words produce t -k '')"
	is "" "$(words partition-of '')"
}

@test "topics: of a broker, of a directory, of nobody" {
	start_broker --topic orders --topic orders.eu --topic users
	is "orders orders.eu" "$(words topic describe or)"
	is "users" "$(words consume orders us)"
	is "topic:orders topic:orders.eu" "$(words config get topic:o)"
	is "broker:1 broker:default" "$(words config get broker:)"
	is "" "$(words topic create or)"
	address=$WEIR_BROKERS
	unset WEIR_BROKERS
	is "users" "$(words -b $address cat u)"
	stop_broker
	is "users" "$(words --dir "$TMP/data" cat u)"
	is "users" "$(WEIR_DIR=$TMP/data words cat u)"
	is "" "$(words -b $address cat u)"
	is "" "$(words --dir "$TMP/none" cat u)"
	both $WEIR complete -- -b $address cat u
	is 0 "$status"
	is "" "$err"
}

# complete_line LINE: what bash offers behind it.
complete_line() {
	COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
	_weir
	printf '%s\n' "${COMPREPLY[@]}" | xargs
}

@test "bash" {
	source <($WEIR completion bash)
	is error "$(complete_line "weir erro")"
	is "json jsonl" "$(complete_line "weir error list -O js")"
	is "json jsonl" "$(complete_line "weir error list --output=js")"
	is "topic:" "$(complete_line "weir config get to")"
	start_broker --topic orders
	is "orders" "$(complete_line "weir topic describe ")"
	is "orders" "$(complete_line "weir config get topic:")"
	cd "$TMP"
	mkdir 'a folder'
	is "a folder" "$(complete_line "weir dir info a")"
	# The keys as somebody types them.
	printf 'PS1="> "; PATH=%q; source <(weir completion bash)\nweir erro\tOFFSET_OUT\t\n' "$PATH" >"$TMP/keys"
	TERM=dumb timeout 20 script -qec "bash --norc --noprofile -i" /dev/null <"$TMP/keys" >"$TMP/tty" 2>&1 || true
	has "$(cat "$TMP/tty")" "weir error OFFSET_OUT_OF_RANGE"
}

@test "zsh" {
	need zsh
	start_broker --topic orders
	# A key writes the line as it has become to a file.
	cat >"$TMP/keys.zsh" <<-'END'
		zmodload zsh/zpty
		zpty z TERM=dumb zsh -f -i
		zpty -w z 'PS1="%% "; autoload -Uz compinit; compinit -D -u; source <(weir completion zsh)'
		zpty -w z 'tell() { print -r -- "$BUFFER" >'$TMP'/line.new; mv '$TMP'/line.new '$TMP'/line; BUFFER= }'
		zpty -w z 'zle -N tell; bindkey "^X" tell; echo re''ady'
		zpty -r -m z text '*ready*'
		ask() {
			local end=$((SECONDS + 10)) got
			zpty -w -n z "$1"$'\t\x18'
			until [[ -e $TMP/line ]] { (( SECONDS < end )) || break; sleep 0.02 }
			got=$(<$TMP/line)
			rm $TMP/line
			[[ $got == "$2" ]] || { print -r -- "wanted '$2', got '$got'"; exit 1 }
		}
		ask 'weir erro' 'weir error '
		ask 'weir topic describe or' 'weir topic describe orders '
		ask 'weir config get to' 'weir config get topic:'
		ask 'weir config get topic:or' 'weir config get topic:orders '
		ask 'weir error list --output=jsonl --no-h' 'weir error list --output=jsonl --no-header '
	END
	TMP=$TMP zsh -f "$TMP/keys.zsh"
}

@test "fish" {
	need fish
	start_broker --topic orders
	export HOME=$TMP
	$WEIR completion fish >"$TMP/weir.fish"
	offers() { fish -N -c "source '$TMP/weir.fish'; complete -C \"\$argv[1]\"" -- "$1" | cut -f 1 | xargs; }
	is error "$(offers 'weir erro')"
	is orders "$(offers 'weir topic describe ')"
	is "--output=json --output=jsonl" "$(offers 'weir error --output=js')"
	has "$(offers 'weir dir info /e')" "/etc/"
}

@test "another shell is refused, JSON holds the script" {
	need jq
	both $WEIR completion fihs
	is 2 "$status"
	has "$err" "did you mean fish?"
	for shell in bash zsh fish; do
		is "$($WEIR completion $shell)" "$($WEIR completion $shell -O json | jq -r .script)"
	done
}
