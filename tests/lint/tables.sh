#!/usr/bin/env bash
# What the tables offer is there: every setting is read by some code, every metric is counted.
set -euo pipefail
cd "$top_srcdir"
status=0
declare -A read_in_conf=() read_elsewhere=() counted=()
while read -r name; do
	read_in_conf[$name]=1
done < <(cat core/conf/*.[ch] | grep -oE '(->|\.)[a-z_0-9]+\b' | grep -oE '[a-z_0-9]+' | sort -u)
while read -r name; do
	read_elsewhere[$name]=1
done < <(find core broker cli -name '*.[ch]' ! -path 'core/conf/*' -exec cat {} + |
	grep -oE '(->|\.)[a-z_0-9]+\b' | grep -oE '[a-z_0-9]+' | sort -u)
while read -r name; do
	counted[$name]=1
done < <(find core broker cli -name '*.[ch]' -exec cat {} + | grep -oE '\bSTAT_[a-z_]+\b' | sort -u)

# One row a line: macro, field, name, then the rest without its text.
rows() {
	awk '
	/^(KEY|TOPIC_KEY|GROUP_KEY)\(/ { row = "" ; open = 1 }
	open { row = (row == "") ? $0 : row " " $0 }
	open && /\)$/ {
		text = row; gsub(/"[^"]*"/, "", text)
		if (gsub(/\(/, "", text) == gsub(/\)/, "", text)) { print row; open = 0 }
	}' core/conf/keys.def
}

served() { grep -q "^HANDLER($1," broker/handlers.def; }

is_read() { [ -n "${read_in_conf[$1]:-}${read_elsewhere[$1]:-}" ]; }

count=0 given=" "
while read -r row; do
	grep -q '^TOPIC_KEY\|^GROUP_KEY' <<<"$row" || continue
	given+="$(grep -oE '\{"[a-z.0-9]+", [0-9]+\}' <<<"$row" | cut -d'"' -f2 | tr '\n' ' ' || true)"
done < <(rows)
while read -r row; do
	count=$((count + 1))
	field=$(sed 's/^[A-Z_]*(\([a-z_0-9]*\),.*/\1/' <<<"$row")
	name=$(cut -d'"' -f2 <<<"$row")
	api=$(grep -oE '\.api = [0-9]+' <<<"$row" | grep -oE '[0-9]+' || true)
	if grep -q 'conf_check_empty' <<<"$row"; then
		continue
	elif [ -n "$api" ] && ! served "$api"; then
		continue
	elif grep -q '\.echo = true' <<<"$row"; then
		if [ -n "${read_elsewhere[$field]:-}" ]; then
			echo "core/conf/keys.def: $name is read, so it is no echo"
			status=1
		fi
	elif grep -q '^KEY' <<<"$row" && [[ $given == *" $name "* ]]; then
		: # read through the topic or group setting that it gives a default to
	elif ! is_read "$field"; then
		echo "core/conf/keys.def: $name is offered, but nothing reads $field"
		status=1
	fi
done < <(rows)
[ "$count" -gt 80 ] || { echo "only $count settings seen"; status=1; }

count=0
for metric in $(grep -oE '^METRIC\([a-z_]+' core/stat/metrics.def | cut -d'(' -f2); do
	count=$((count + 1))
	if [ -z "${counted[STAT_$metric]:-}" ]; then
		echo "core/stat/metrics.def: nothing counts $metric"
		status=1
	fi
done
[ "$count" -gt 20 ] || { echo "only $count metrics seen"; status=1; }
exit $status
