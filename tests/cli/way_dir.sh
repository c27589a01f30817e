#!/usr/bin/env bash
# The record commands on a data directory without a broker: the same cases as against one.
set -euo pipefail
command -v "${BATS:-bats}" >/dev/null || exit 77
cd "$top_srcdir"
WEIR_TEST_WAY=dir exec "${BATS:-bats}" --tap tests/cli/{produce,consume}.bats
