/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/wire/reader.h"
#include "core/wire/wire.h"
#include "core/wire/writer.h"

enum { KEY_API_VERSIONS = 18 };

/* Whether the header of a request has tags; never for versions that we do not know. */
static bool is_flexible(int16_t key, int16_t version)
{
	const struct wire_api *api = wire_api(key);
	return api && version >= api->flexible && version <= api->max;
}

enum weir_code wire_request_header_decode(
	struct slice frame, struct wire_request_header *header, size_t *used, struct weir_err *err)
{
	struct wire_reader r;
	wire_reader_init(&r, frame);
	const uint8_t *start = r.at;
	struct wire_request_header read = {0};
	read.api_key = wire_reader_i16(&r);
	read.version = wire_reader_i16(&r);
	read.correlation_id = wire_reader_i32(&r);
	read.client_id = wire_reader_str(&r, false, true);
	if (!r.why && is_flexible(read.api_key, read.version)) {
		wire_reader_skip_tags(&r);
	}
	if (r.why) {
		return err_set(err, WEIR_INVALID_REQUEST,
			"request header (api key %d, version %d) at byte %zu of %zu: %s",
			read.api_key, read.version, (size_t)(r.stop - start), frame.len, r.why);
	}
	*header = read;
	*used = (size_t)(r.at - start);
	return WEIR_OK;
}

void wire_request_header_encode(const struct wire_request_header *header, struct buf *out)
{
	WEIR_ASSERT(header->client_id.len <= WIRE_STR_LEN_MAX);
	wire_writer_i16(out, header->api_key);
	wire_writer_i16(out, header->version);
	wire_writer_i32(out, header->correlation_id);
	wire_writer_str(out, header->client_id, false);
	if (is_flexible(header->api_key, header->version)) {
		wire_writer_uvarint(out, 0);
	}
}

void wire_response_header_encode(
	int16_t key, int16_t version, int32_t correlation_id, struct buf *out)
{
	wire_writer_i32(out, correlation_id);
	if (key != KEY_API_VERSIONS && is_flexible(key, version)) {
		wire_writer_uvarint(out, 0);
	}
}

enum weir_code wire_response_header_decode(int16_t key, int16_t version, struct slice frame,
	int32_t *correlation_id, size_t *used, struct weir_err *err)
{
	struct wire_reader r;
	wire_reader_init(&r, frame);
	const uint8_t *start = r.at;
	int32_t id = wire_reader_i32(&r);
	if (key != KEY_API_VERSIONS && is_flexible(key, version)) {
		wire_reader_skip_tags(&r);
	}
	if (r.why) {
		return err_set(err, WEIR_INVALID_REQUEST,
			"response header (api key %d, version %d) of %zu bytes: %s", key, version,
			frame.len, r.why);
	}
	*correlation_id = id;
	*used = (size_t)(r.at - start);
	return WEIR_OK;
}
