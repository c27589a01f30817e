/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ApiVersions (KIP-35, KIP-511, KIP-584): what this broker serves, from the handler table. */
#include "broker/broker_priv.h"
#include "broker/dispatch.h"

#include <ctype.h>

/* [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])? */
static bool software_name_is_legal(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		bool inner = i > 0 && i + 1 < text.len;
		uint8_t c = text.data[i];
		if (!isalnum(c) && !(inner && (c == '-' || c == '.'))) {
			return false;
		}
	}
	return text.len > 0;
}

void handle_api_versions(struct request *req)
{
	const struct api_versions_request *body = req->body;
	struct api_versions_response response;
	wire_defaults(&api_versions_response_message, &response);
	if (req->header.version >= 3 &&
		(!software_name_is_legal(body->client_software_name) ||
			!software_name_is_legal(body->client_software_version))) {
		response.error_code = WEIR_INVALID_REQUEST;
		request_send(req, &response);
		return;
	}
	size_t count = 0;
	while (dispatch_api_at(count)) {
		count++;
	}
	response.api_keys = request_array(req, count, sizeof(*response.api_keys));
	for (size_t i = 0; i < count; i++) {
		const struct wire_api *api = dispatch_api_at(i);
		response.api_keys[i].api_key = api->key;
		response.api_keys[i].min_version = api->min;
		response.api_keys[i].max_version = api->max;
		response.api_keys_count++;
	}
	request_send(req, &response);
}
