# SPDX-License-Identifier: GPL-3.0-or-later
"""What every Python client here writes and expects to read."""

import os
import sys

BROKER = os.environ["WEIR_BROKERS"]
TIME = 1_700_000_000_000
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


def records(tag):
    """(key, value, headers, timestamp) of one batch."""
    rows = []
    for i in range(40):
        key = None if i % 5 == 0 else f"{tag}-k{i % 7}".encode()
        value = None if i == 11 and key else bytes([i]) * 10 + f"{tag} żółć {i}".encode()
        headers = [("h", b"1"), ("h", b""), ("nul", b"\0\xff")] if i % 3 == 0 else []
        rows.append((key, value, headers, TIME + i))
    return rows


def check(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got!r} is not {wanted!r}")
