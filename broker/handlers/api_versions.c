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

static const struct {
	const char *name;
	int16_t min, max, level, api;
} features[] = {
#define FEATURE(name, min, max, level, api) {name, min, max, level, api},
#include "broker/features.def"
#undef FEATURE
};
enum { FEATURE_COUNT = sizeof(features) / sizeof(features[0]) };

/* Up to version 3 a feature that may be switched off is not told: older Java clients refuse a
 * lowest level of 0 (KAFKA-17011). */
static void fill_features(struct request *req, struct api_versions_response *response)
{
	response->supported_features =
		request_array(req, FEATURE_COUNT, sizeof(*response->supported_features));
	response->finalized_features =
		request_array(req, FEATURE_COUNT, sizeof(*response->finalized_features));
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		if (!dispatch_serves(features[i].api)) {
			continue;
		}
		struct slice name = slice_str(features[i].name);
		if (req->header.version > 3 || features[i].min > 0) {
			struct api_versions_response_supported_feature_key *row =
				&response->supported_features[response->supported_features_count++];
			row->name = name;
			row->min_version = features[i].min;
			row->max_version = features[i].max;
		}
		struct api_versions_response_finalized_feature_key *row =
			&response->finalized_features[response->finalized_features_count++];
		row->name = name;
		row->min_version_level = row->max_version_level = features[i].level;
	}
	const struct image *image = image_current(broker_images(req->broker));
	response->finalized_features_epoch = image->revision;
	image_release(image);
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
	fill_features(req, &response);
	request_send(req, &response);
}
