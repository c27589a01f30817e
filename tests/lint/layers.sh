#!/usr/bin/env bash
# Lower never includes higher (ARCHITECTURE section 1). A row: folder, then the folders it may include.
set -euo pipefail
cd "$top_srcdir"
allowed() {
	case $1 in
	core/base) echo core/base ;;
	core/io | core/conf | core/stat | core/wire) echo "core/base $1" ;;
	core/record) echo "core/base core/wire core/record" ;;
	core/store) echo "core/base core/io core/conf core/stat core/record core/store" ;;
	core/meta) echo "core/base core/io core/conf core/stat core/meta" ;;
	core/client) echo "core/base core/io core/conf core/stat core/wire core/record core/client" ;;
	broker) echo "core broker" ;;
	cli) echo "core cli broker/broker.h" ;;
	esac
}
bad=0 seen=0
for room in core/base core/io core/conf core/stat core/wire core/record core/store core/meta core/client broker cli; do
	[ -d "$room" ] || continue
	may=$(allowed "$room")
	while IFS=: read -r file line text; do
		seen=$((seen + 1))
		inc=${text#*\"}
		inc=${inc%%\"*}
		ok=no
		for m in $may; do
			case $inc in "$m" | "$m"/*) ok=yes ;; esac
		done
		case $inc in
		*_priv.h) case $file in "${inc%/*}"/*) ;; *) ok=no ;; esac ;;
		esac
		[ $ok = yes ] || { echo "$file:$line: $room may not include $inc"; bad=1; }
	done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include "' --include='*.[ch]' "$room" || true)
done
# Libraries with one door each.
for door in 'jansson.h core/base/json|cli/' 'uv.h core/io/loop' 'lmdb.h core/meta/' 'readline cli/shell' 'curl/ core/io/http' \
	'pcre2 core/base/regex' 'microhttpd core/io/http_serve'; do
	lib=${door%% *} where=${door#* }
	if grep -rnE "#include <$lib" --include='*.[ch]' core broker cli | grep -vE "^($where)"; then
		echo "<$lib> is included outside its door ($where)"
		bad=1
	fi
done
[ $seen -gt 0 ] || { echo "no include seen"; exit 1; }
exit $bad
