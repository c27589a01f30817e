#!/usr/bin/env bash
# run.sh BATS FILE: one run of FILE, or one for each way in its line "# ways: broker dir", with the
# way in $WEIR_TEST_WAY (see broker.bash).
bats=$1 file=$2
ways=$(sed -n 's/^# ways: //p' "$file")
status=0
for way in ${ways:-broker}; do
	[ -z "$ways" ] || echo "# way: $way"
	WEIR_TEST_WAY=$way "$bats" --tap "$file" || status=$?
done
exit $status
