/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/wire/messages.h"
#include "core/wire/wire.h"

enum { NEVER_FLEXIBLE = INT16_MAX };

static const struct wire_api apis[] = {
#define API(key, api_name, snake, min, max, flexible)                                              \
	{key, #api_name, min, max, flexible, &snake##_request_message, &snake##_response_message},
#include "core/wire/apis.def"
#undef API
};

enum api_row {
#define API(key, name, snake, min, max, flexible) ROW_##snake,
#include "core/wire/apis.def"
#undef API
};

const struct wire_api *wire_api(int16_t key)
{
	switch (key) {
#define API(key, name, snake, min, max, flexible)                                                  \
	case key:                                                                                  \
		return &apis[ROW_##snake];
#include "core/wire/apis.def"
#undef API
	default:
		return NULL;
	}
}

const struct wire_api *wire_api_at(size_t i)
{
	return i < sizeof(apis) / sizeof(apis[0]) ? &apis[i] : NULL;
}

#define TOPIC_OFFSETS "__consumer_offsets"
#define TOPIC_TRANSACTIONS "__transaction_state"

static const struct wire_record records[] = {
#define RECORD(topic, type, snake)                                                                 \
	{TOPIC_##topic, type, &snake##_key_message, &snake##_value_message},
#include "core/wire/records.def"
#undef RECORD
};

const struct wire_record *wire_record(struct slice topic, int16_t type)
{
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		if (records[i].type == type && slice_equal(topic, slice_str(records[i].topic))) {
			return &records[i];
		}
	}
	return NULL;
}

const struct wire_record *wire_record_at(size_t i)
{
	return i < sizeof(records) / sizeof(records[0]) ? &records[i] : NULL;
}
