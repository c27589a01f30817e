#!/usr/bin/env bats
load common

# complete WORD...: what the last word may become.
complete_line() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_weir
	printf '%s\n' "${COMPREPLY[@]}"
}

@test "commands, options and choices" {
	source <($WEIR completion bash)
	is error "$(complete_line weir err)"
	has "$(complete_line weir error --no-)" --no-header
	is json$'\n'jsonl "$(complete_line weir error list -O js)"
	is --brokers "$(complete_line weir --brok)"
}

@test "every command completes to itself" {
	need jq
	source <($WEIR completion bash)
	while read -r path; do
		has "$(complete_line weir $path --no-h)" --no-header
	done < <(all_commands)
}

@test "another shell is refused, JSON holds the script" {
	need jq
	both $WEIR completion tcsh
	is 2 "$status"
	is "$($WEIR completion bash)" "$($WEIR completion bash -O json | jq -r .script)"
}
