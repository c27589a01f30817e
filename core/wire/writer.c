/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/wire/writer.h"

void wire_writer_str(struct buf *buf, struct slice value, bool compact)
{
	int64_t len = value.data ? (int64_t)value.len : -1;
	if (compact) {
		wire_writer_uvarint(buf, (uint64_t)(len + 1));
	} else {
		wire_writer_i16(buf, (int16_t)len);
	}
	buf_add(buf, value.data, value.data ? value.len : 0);
}

void wire_writer_bytes(struct buf *buf, struct slice value, bool compact)
{
	wire_writer_len(buf, value.data ? (int64_t)value.len : -1, compact);
	buf_add(buf, value.data, value.data ? value.len : 0);
}
