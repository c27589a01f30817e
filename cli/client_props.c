/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/client_props.h"

#include "core/base/number.h"

#include <stdio.h>
#include <string.h>

const char *const producer_codec_names[] = {"none", "gzip", "snappy", "lz4", "zstd", NULL};
const char *const producer_acks_names[] = {"all", "1", "0", "-1", NULL};
const int producer_acks[] = {-1, 1, 0, -1};

enum weir_code client_prop_number(const struct ctx *ctx, const char *key, int64_t min, int64_t max,
	int64_t *value, struct weir_err *err)
{
	const struct prop *prop = props_find(&ctx->props, key);
	if (prop && number_i64(prop->value, min, max, value, err) != WEIR_OK) {
		return err_wrap(err, "%s: %s", prop->origin, key);
	}
	return WEIR_OK;
}

static enum weir_code set_acks(
	const struct ctx *ctx, int acks, struct producer_conf *conf, struct weir_err *err)
{
	const struct prop *prop = props_find(&ctx->props, "acks");
	int64_t number = acks;
	if (acks == PRODUCER_OPTION_UNSET && prop && strcmp(prop->value, "all") == 0) {
		number = -1;
	} else if (acks == PRODUCER_OPTION_UNSET) {
		number = conf->acks;
		enum weir_code code = client_prop_number(ctx, "acks", -1, 1, &number, err);
		if (code != WEIR_OK) {
			return code;
		}
	}
	conf->acks = (int16_t)number;
	return WEIR_OK;
}

enum weir_code client_props_producer(const struct ctx *ctx, int codec, int acks,
	struct producer_conf *conf, struct weir_err *err)
{
	const struct prop *prop = props_find(&ctx->props, "compression.type");
	*conf = producer_conf_default;
	if (codec != PRODUCER_OPTION_UNSET) {
		conf->codec = (enum codec)codec;
	} else if (prop && !codec_find(prop->value, &conf->codec)) {
		return err_set(err, WEIR_USAGE, "%s: compression.type: \"%s\" is no codec",
			prop->origin, prop->value);
	}
	int64_t batch_bytes = (int64_t)conf->batch_bytes;
	enum weir_code code = set_acks(ctx, acks, conf, err);
	if (code == WEIR_OK) {
		code = client_prop_number(ctx, "linger.ms", 0, INT32_MAX, &conf->linger_ms, err);
	}
	if (code == WEIR_OK) {
		code = client_prop_number(ctx, "batch.size", 0, INT32_MAX, &batch_bytes, err);
	}
	if (code == WEIR_OK) {
		code = client_prop_number(
			ctx, "delivery.timeout.ms", 1, INT32_MAX, &conf->delivery_timeout_ms, err);
	}
	conf->batch_bytes = (size_t)batch_bytes;
	return code;
}

enum weir_code client_props_consumer(
	const struct ctx *ctx, struct consumer_conf *conf, struct weir_err *err)
{
	int64_t all = conf->fetch_max_bytes, one = conf->partition_max_bytes;
	enum weir_code code = client_prop_number(ctx, "fetch.max.bytes", 1, INT32_MAX, &all, err);
	if (code == WEIR_OK) {
		code = client_prop_number(
			ctx, "max.partition.fetch.bytes", 1, INT32_MAX, &one, err);
	}
	if (code == WEIR_OK) {
		code = client_prop_number(
			ctx, "fetch.max.wait.ms", 0, INT32_MAX, &conf->wait_max_ms, err);
	}
	conf->fetch_max_bytes = (int32_t)all;
	conf->partition_max_bytes = (int32_t)one;
	return code;
}

enum weir_code client_rate_parse(
	const char *text, int64_t *count, int64_t *span_ms, struct weir_err *err)
{
	size_t len = strcspn(text, "/");
	const char *unit = text + len;
	char number[32];
	snprintf(number, sizeof(number), "%.*s", (int)(len < 31 ? len : 31), text);
	*span_ms = 1000;
	if (strcmp(unit, "/m") == 0) {
		*span_ms = 60 * 1000;
	} else if (strcmp(unit, "/h") == 0) {
		*span_ms = 60 * 60 * 1000;
	} else if (*unit && strcmp(unit, "/s") != 0) {
		return err_set(err, WEIR_USAGE, "--rate: \"%s\" is not /s, /m or /h", unit);
	}
	enum weir_code code = number_i64(number, 1, 1000000000, count, err);
	return code == WEIR_OK ? code : err_wrap(err, "--rate");
}
