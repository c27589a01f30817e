# Samples in a file, and what is printed of them.
missed=0

sample() { # TEST WHO PAIR FIGURE VALUE
	printf '%s\t%s\t%s\t%s\t%s\n' "$@" >>"$samples"
}

head_line() {
	printf '%-22s %-14s %-28s %-37s %-20s %s\n' test figure "weir [range]" "beside it [range]" "ratio [range]" goal
}

# Prints FIGURE of TEST: weir, OTHER (may be none, "-"), their ratio pair by pair. GOAL: OP NUMBER of the ratio, of the value where
# there is no other; nothing: none. A goal that the median misses makes the run fail.
figure() { # TEST FIGURE OTHER [OP NUMBER]
	awk -F'\t' -v test="$1" -v figure="$2" -v other="$3" -v op="${4:-}" -v goal="${5:-}" '
	function sorted(a, n,   i, j, t) {
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && a[j - 1] > a[j]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
	}
	function middle(a, n) { return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2 }
	function number(v) { return v >= 1000 ? sprintf("%.0f", v) : v >= 10 ? sprintf("%.1f", v) : sprintf("%.2f", v) }
	function range(a, n) { return sprintf("%s [%s-%s]", number(middle(a, n)), number(a[1]), number(a[n])) }
	$1 == test && $4 == figure && $2 == "weir" { ours[$3] = $5; mine[++m] = $5 + 0 }
	$1 == test && $4 == figure && $2 == other { theirs[$3] = $5; its[++k] = $5 + 0 }
	END {
		if (!m) exit
		for (pair in ours)
			if (pair in theirs && theirs[pair] + 0 > 0) ratio[++r] = ours[pair] / theirs[pair]
		sorted(mine, m); sorted(its, k); sorted(ratio, r)
		judged = other == "-" ? middle(mine, m) : r ? middle(ratio, r) : ""
		ok = op == "" ? 1 : judged == "" ? 0 : op == ">=" ? judged >= goal : judged <= goal
		printf "%-22s %-14s %-28s %-37s %-20s %s\n", test, figure, range(mine, m), \
			k ? other " " range(its, k) : "", r ? range(ratio, r) : "", \
			op == "" ? "" : op " " goal (ok ? " met" : " MISSED")
		exit !ok
	}' "$samples" || missed=1
}

# Waits up to QUIET seconds until the machine is idle.
quiet() {
	local from=$SECONDS a b
	while [ $((SECONDS - from)) -lt "${QUIET:-2}" ]; do
		read -r _ a _ b _ </proc/stat
		sleep 0.2
		awk -v a="$a" -v b="$b" '/^cpu / { exit !($2 - a + $4 - b <= 4) }' /proc/stat && break
	done
	return 0
}

# Keeps load's line of figures, and the broker's processor time since cpu_s gave BEFORE.
keep() { # TEST WHO PAIR PID BEFORE LINE
	local name after ms
	for name in mb_s req_s rec_s p50_ms p99_ms p999_ms; do
		sample "$1" "$2" "$3" $name "$(value $name "$6")"
	done
	[ "$(value errors "$6")" = 0 ] || { echo "$1 $2: $6" >&2; missed=1; }
	after=$(cpu_s "$4")
	sample "$1" "$2" "$3" cpu_ms_mb "$(awk -v s="$after" -v t="$5" -v b="$(value bytes "$6")" \
		'BEGIN { printf "%.4f", (b > 0 ? (s - t) * 1e9 / b : 0) }')"
	sample "$1" "$2" "$3" cpu_us_req "$(awk -v s="$after" -v t="$5" -v n="$(value requests "$6")" \
		'BEGIN { printf "%.2f", (n > 0 ? (s - t) * 1e6 / n : 0) }')"
}

# elapsed_ms CMD...: runs it, its output thrown away; sets ms.
elapsed_ms() {
	local from=${EPOCHREALTIME/[.,]/} to
	"$@" >/dev/null
	to=${EPOCHREALTIME/[.,]/}
	ms=$(awk -v us=$((to - from)) 'BEGIN { printf "%.3f", us / 1000 }')
}
