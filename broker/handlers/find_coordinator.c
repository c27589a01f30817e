/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FindCoordinator: this broker, for every group and transactional id. The first question about a
 * group makes the offsets topic.
 */
#include "broker/broker_priv.h"

enum { KEY_GROUP = 0, KEY_TRANSACTION = 1, BATCHED = 4 };

typedef struct find_coordinator_response_coordinator coordinator_row;

static void fill(struct request *req, int8_t key_type, coordinator_row *row)
{
	struct weir_err err;
	enum weir_code code = WEIR_OK;
	wire_part_defaults(&find_coordinator_response_coordinator_part, row);
	row->node_id = row->port = -1;
	if (key_type == KEY_GROUP) {
		code = group_topic_ensure(req->broker, &err);
		if (code != WEIR_OK) {
			code = WEIR_COORDINATOR_NOT_AVAILABLE;
		}
	} else if (key_type != KEY_TRANSACTION) {
		code = err_set(
			&err, WEIR_INVALID_REQUEST, "key type %d is not known here", key_type);
	}
	if (code != WEIR_OK) {
		row->error_code = (int16_t)err_to_wire(code);
		row->error_message = request_text(req, err.text);
		return;
	}
	struct broker_endpoint self;
	broker_endpoint(req->conn, &self);
	row->node_id = broker_node_id(req->broker);
	row->host = request_text(req, self.host);
	row->port = self.port;
	row->error_message = slice_str(req->header.version < BATCHED ? "NONE" : "");
}

void handle_find_coordinator(struct request *req)
{
	const struct find_coordinator_request *body = req->body;
	struct find_coordinator_response response;
	wire_defaults(&find_coordinator_response_message, &response);
	if (req->header.version < BATCHED) {
		coordinator_row row;
		fill(req, body->key_type, &row);
		response.error_code = row.error_code;
		response.error_message = row.error_message;
		response.node_id = row.node_id;
		response.host = row.host;
		response.port = row.port;
	} else {
		int32_t count = body->coordinator_keys_count;
		response.coordinators_count = count;
		response.coordinators =
			request_array(req, (size_t)count, sizeof(*response.coordinators));
		for (int32_t i = 0; i < count; i++) {
			fill(req, body->key_type, &response.coordinators[i]);
			response.coordinators[i].key = body->coordinator_keys[i];
		}
	}
	request_send(req, &response);
}
