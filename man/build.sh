#!/bin/sh
# build.sh WEIR PROSE OUT: writes every manual page, weir.conf as a sample and the completion scripts
# to the folder OUT.
#
# A page comes from the tables of the program (weir help --man); PROSE has for some pages a file of
# what no table says, in parts that begin with "@ NAME". Each goes to the place in the page that
# asks for it; a part that no place asks for is an error.
set -eu
weir=$1 prose=$2 out=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
rm -f "$out"/*.1 "$out"/*.5

# page FILE WORD...
page() {
	file=$1
	shift
	text=$prose/${file%.*}
	[ -e "$text" ] || text=/dev/null
	"$weir" help --man "$@" >"$work/page"
	awk -v name="${file%.*}" '
		FILENAME != ARGV[2] && /^@ / { part = substr($0, 3); next }
		FILENAME != ARGV[2] { prose[part] = prose[part] $0 "\n"; next }
		/^\.\\" prose / { part = substr($0, 11); printf "%s", prose[part]; delete prose[part]; next }
		{ print }
		END {
			for (part in prose) {
				print "man/prose/" name ": the page has no place for \"" part "\"" >"/dev/stderr"
				failed = 1
			}
			exit failed
		}' "$text" "$work/page" >"$out/$file"
}

page weir.1 weir
page weir.conf.5 weir.conf
page weir-format.5 weir-format
"$weir" help | sed -n 's/^  \([a-z][a-z -]*[a-z]\)  *[A-Z].*/\1/p' >"$work/paths"
[ -s "$work/paths" ]
while read -r path; do
	# shellcheck disable=SC2086
	page "weir-$(echo "$path" | tr ' ' -).1" $path
done <"$work/paths"
for text in "$prose"/*; do
	[ -e "$out/${text##*/}.1" ] || [ -e "$out/${text##*/}.5" ] ||
		{ echo "$text: of no page" >&2; exit 1; }
done
"$weir" help settings >"$out/weir.conf"
for shell in bash zsh fish; do "$weir" completion $shell >"$out/weir.$shell"; done
