/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ApiVersions is asked at our highest version first. Its error code stands first in every version,
 * so an answer in version 0's form is recognised before anything is decoded.
 */
#include "core/client/versions.h"

#include "core/base/bytes.h"
#include "core/base/limits.h"
#include "core/wire/messages.h"

enum { API_VERSIONS = 18 };

void versions_init(struct versions *versions)
{
	for (size_t i = 0; i < VERSIONS_KEYS; i++) {
		versions->min[i] = 0;
		versions->max[i] = -1;
	}
	versions->max[API_VERSIONS] = 0;
}

static void ranges_take(struct versions *versions, const struct api_versions_response *answer)
{
	versions_init(versions);
	for (int32_t i = 0; i < answer->api_keys_count; i++) {
		const struct api_versions_response_api_version *api = &answer->api_keys[i];
		if (api->api_key >= 0 && api->api_key < VERSIONS_KEYS) {
			versions->min[api->api_key] = api->min_version;
			versions->max[api->api_key] = api->max_version;
		}
	}
}

/* The version to ask next, of a broker that refused version: its highest, or 0 if it does not say.
 */
static int16_t version_after(const struct versions *versions, int16_t version)
{
	int16_t theirs = versions->max[API_VERSIONS];
	return theirs >= 0 && theirs < version ? theirs : 0;
}

enum weir_code versions_take(struct versions *versions, int16_t version, struct slice body,
	int16_t *again, struct weir_err *err)
{
	if (body.len < 2) {
		return err_set(err, WEIR_PROTOCOL, "ApiVersions answer has %zu bytes", body.len);
	}
	bool refused = version > 0 && be16_get(body.data) == WEIR_UNSUPPORTED_VERSION;
	struct api_versions_response answer;
	struct arena arena;
	struct weir_err why;
	size_t used;
	arena_init(&arena, body.len * LIMIT_ARENA_FACTOR + LIMIT_ARENA_BASE);
	wire_defaults(&api_versions_response_message, &answer);
	enum weir_code code = wire_decode(&api_versions_response_message, refused ? 0 : version,
		body, &arena, &answer, &used, &why);
	*again = -1;
	if (code && refused) {
		*again = 0;
		code = WEIR_OK;
	} else if (code) {
		code = err_set(err, WEIR_PROTOCOL, "ApiVersions answer: %s", why.text);
	} else {
		ranges_take(versions, &answer);
		if (refused) {
			*again = version_after(versions, version);
		} else if (answer.error_code) {
			const struct err_info *info = err_info(answer.error_code);
			code = err_set(err, info->code, "ApiVersions refused: %s", info->text);
		}
	}
	arena_fini(&arena);
	return code;
}

enum weir_code versions_choose(const struct versions *versions, int16_t key, int16_t cap,
	int16_t *version, struct weir_err *err)
{
	const struct wire_api *api = wire_api(key);
	if (!api || key < 0 || key >= VERSIONS_KEYS) {
		return err_set(err, WEIR_UNSUPPORTED_VERSION, "API %d is not known here", key);
	}
	int16_t low = api->min, high = api->max < cap ? api->max : cap;
	if (low < api->request->versions.min) {
		low = api->request->versions.min;
	}
	if (versions->max[key] < versions->min[key]) {
		return err_set(
			err, WEIR_UNSUPPORTED_VERSION, "the broker does not offer %s", api->name);
	}
	int16_t best = high < versions->max[key] ? high : versions->max[key];
	if (best < low || best < versions->min[key]) {
		return err_set(err, WEIR_UNSUPPORTED_VERSION,
			"%s: the broker offers versions %d-%d, %d-%d are needed", api->name,
			versions->min[key], versions->max[key], low, high);
	}
	*version = best;
	return WEIR_OK;
}

bool versions_has(const struct versions *versions, int16_t key, int16_t version)
{
	return key >= 0 && key < VERSIONS_KEYS && version >= versions->min[key] &&
	       version <= versions->max[key];
}
