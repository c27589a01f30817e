/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Partitions in order go to members in turn; who does not subscribe to the topic is passed over. */
#include "core/client/assignors/assignor_priv.h"

enum weir_code roundrobin_assign(struct plan *plan, struct weir_err *err)
{
	int32_t *order = plan_order(plan);
	if (!order || !plan_list_consumers(plan, order)) {
		return plan_no_memory(err);
	}
	int32_t at = 0;
	for (int32_t p = 0; p < plan->partition_count; p++) {
		int32_t topic = plan->topic_of[p];
		if (plan->consumer_first[topic] == plan->consumer_first[topic + 1]) {
			continue;
		}
		while (!plan_subscribes(plan, order[at], topic)) {
			at = (at + 1) % plan->member_count;
		}
		plan_give(plan, p, order[at]);
		at = (at + 1) % plan->member_count;
	}
	return WEIR_OK;
}
