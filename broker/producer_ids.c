/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/producer_ids.h"

#include "broker/broker_priv.h"

enum { BLOCK_IDS = 1000 }; /* as Kafka's */

void producer_ids_init(struct producer_ids *ids)
{
	*ids = (struct producer_ids){0};
	pthread_mutex_init(&ids->lock, NULL);
}

void producer_ids_fini(struct producer_ids *ids)
{
	pthread_mutex_destroy(&ids->lock);
}

enum weir_code broker_producer_id(struct broker *broker, int64_t *id, struct weir_err *err)
{
	struct producer_ids *ids = &broker->producer_ids;
	enum weir_code code = WEIR_OK;
	pthread_mutex_lock(&ids->lock);
	if (ids->next == ids->end) {
		int64_t first;
		code = image_producer_id_block(broker->images, BLOCK_IDS, &first, err);
		if (code == WEIR_OK) {
			ids->next = first;
			ids->end = first + BLOCK_IDS;
		}
	}
	if (code == WEIR_OK) {
		*id = ids->next++;
	}
	pthread_mutex_unlock(&ids->lock);
	return code;
}
