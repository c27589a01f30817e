#!/usr/bin/env bash
# Every segment of the golden data directories, read by core/record, against what Kafka read; every
# partition, opened as a log, against what Kafka knew; damaged ones against what Kafka made of them.
set -euo pipefail
golden=$top_srcdir/../shared/golden/disk
[ -d "$golden" ] || { echo "$golden is not there"; exit 77; }
for tree in clean unclean; do
	"$top_builddir/tests/unit/test_record_golden" "$golden/$tree"
	"$top_builddir/tests/unit/test_store_golden" "$golden/$tree"
done
"$top_builddir/tests/fault/torn" "$golden/torn.jsonl" "$golden/unclean/data"
