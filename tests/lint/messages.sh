#!/usr/bin/env bash
# The message tables say what Kafka's own definitions say, field by field, where those lie beside the tree.
set -euo pipefail
shared=$top_srcdir/../shared
[ -d "$shared/kafka-messages" ] && [ -f "$shared/golden/wire/api-versions.txt" ] || exit 77
exec "$top_builddir/tests/lint/messages_check" "$shared/kafka-messages" "$shared/golden/wire/api-versions.txt"
