/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * librdkafka against a broker: rdkafka BROKERS produce|consume|admin ...
 *
 *   produce TOPIC COUNT CODEC    COUNT records "k<i>" -> "v<i>" with header h=<i>
 *   consume TOPIC PARTITION FROM COUNT    prints "offset key value h" of each
 *   admin TOPIC                  create, describe configs, add partitions, alter, delete records,
 * delete
 *
 * Exit 0 only when everything was answered as asked.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 10000 };

static int failures, delivered;

static void fail(const char *what, const char *why)
{
	enum { SHOWN = 5 };
	if (failures++ < SHOWN) {
		fprintf(stderr, "%s: %s\n", what, why);
	}
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[200];
	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK) {
		fail(name, why);
	}
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *arg)
{
	(void)rk;
	(void)arg;
	if (message->err) {
		fail("delivery", rd_kafka_err2str(message->err));
	} else if (message->offset < 0) {
		fail("delivery", "no offset");
	} else {
		delivered++;
	}
}

static rd_kafka_t *open_client(rd_kafka_type_t type, const char *brokers, const char *codec)
{
	char why[200];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	set(conf, "bootstrap.servers", brokers);
	if (type == RD_KAFKA_PRODUCER) {
		set(conf, "acks", "all");
		set(conf, "compression.codec", codec);
		set(conf, "linger.ms", "5");
		rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	} else {
		set(conf, "group.id", "unused");
		set(conf, "enable.auto.commit", "false");
	}
	rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof(why));
	if (!rk) {
		fail("rd_kafka_new", why);
		exit(1);
	}
	return rk;
}

static void produce(const char *brokers, const char *topic, int count, const char *codec)
{
	rd_kafka_t *rk = open_client(RD_KAFKA_PRODUCER, brokers, codec);
	for (int i = 0; i < count; i++) {
		char key[32], value[32], number[16];
		snprintf(number, sizeof(number), "%d", i);
		snprintf(key, sizeof(key), "k%d", i);
		snprintf(value, sizeof(value), "v%d", i);
		rd_kafka_resp_err_t code = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic),
			RD_KAFKA_V_KEY(key, strlen(key)), RD_KAFKA_V_VALUE(value, strlen(value)),
			RD_KAFKA_V_HEADER("h", number, -1), RD_KAFKA_V_TIMESTAMP(1000 + i),
			RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
		if (code) {
			fail("producev", rd_kafka_err2str(code));
		}
	}
	if (rd_kafka_flush(rk, WAIT_MS)) {
		fail("flush", "not in time");
	}
	if (delivered != count) {
		fail("produce", "not all were delivered");
	}
	rd_kafka_destroy(rk);
}

static const char *header_of(rd_kafka_message_t *message)
{
	rd_kafka_headers_t *headers;
	const void *value;
	size_t size;
	if (rd_kafka_message_headers(message, &headers) ||
		rd_kafka_header_get_last(headers, "h", &value, &size)) {
		return "-";
	}
	return value; /* librdkafka puts a NUL behind it */
}

static void consume(const char *brokers, const char *topic, int partition, int64_t from, int count)
{
	rd_kafka_t *rk = open_client(RD_KAFKA_CONSUMER, brokers, NULL);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = from;
	if (rd_kafka_assign(rk, list)) {
		fail("assign", "refused");
	}
	for (int i = 0; i < count;) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, WAIT_MS);
		if (!m) {
			fail("poll", "nothing came");
			break;
		}
		if (m->err) {
			fail("poll", rd_kafka_message_errstr(m));
			i = count;
		} else {
			printf("%lld %.*s %.*s %s\n", (long long)m->offset, (int)m->key_len,
				(const char *)m->key, (int)m->len, (const char *)m->payload,
				header_of(m));
			i++;
		}
		rd_kafka_message_destroy(m);
	}
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
}

struct admin {
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	rd_kafka_AdminOptions_t *options;
};

static rd_kafka_event_t *answer(const struct admin *a, const char *what)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(a->queue, WAIT_MS);
	if (!event) {
		fail(what, "no answer");
		exit(1);
	}
	if (rd_kafka_event_error(event)) {
		fail(what, rd_kafka_event_error_string(event));
	}
	return event;
}

/* Topic results: each must have the error wanted. */
static void check_topics(
	const char *what, const rd_kafka_topic_result_t **results, size_t count, int wanted)
{
	if (count != 1) {
		fail(what, "not one result");
	}
	for (size_t i = 0; i < count; i++) {
		if ((int)rd_kafka_topic_result_error(results[i]) != wanted) {
			fail(what, rd_kafka_err2name(rd_kafka_topic_result_error(results[i])));
		}
	}
}

static void create(const struct admin *a, const char *topic, int wanted)
{
	char why[200];
	size_t count;
	rd_kafka_NewTopic_t *wish = rd_kafka_NewTopic_new(topic, 2, 1, why, sizeof(why));
	rd_kafka_NewTopic_set_config(wish, "retention.ms", "86400000");
	rd_kafka_CreateTopics(a->rk, &wish, 1, a->options, a->queue);
	rd_kafka_event_t *event = answer(a, "CreateTopics");
	const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
		rd_kafka_event_CreateTopics_result(event), &count);
	check_topics("CreateTopics", results, count, wanted);
	rd_kafka_event_destroy(event);
	rd_kafka_NewTopic_destroy(wish);
}

static void grow(const struct admin *a, const char *topic, size_t partitions, int wanted)
{
	char why[200];
	size_t count;
	rd_kafka_NewPartitions_t *wish =
		rd_kafka_NewPartitions_new(topic, partitions, why, sizeof(why));
	rd_kafka_CreatePartitions(a->rk, &wish, 1, a->options, a->queue);
	rd_kafka_event_t *event = answer(a, "CreatePartitions");
	const rd_kafka_topic_result_t **results = rd_kafka_CreatePartitions_result_topics(
		rd_kafka_event_CreatePartitions_result(event), &count);
	check_topics("CreatePartitions", results, count, wanted);
	rd_kafka_event_destroy(event);
	rd_kafka_NewPartitions_destroy(wish);
}

static void configs(const struct admin *a, const char *topic, const char *wanted)
{
	size_t count, entries;
	rd_kafka_ConfigResource_t *wish =
		rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	rd_kafka_DescribeConfigs(a->rk, &wish, 1, a->options, a->queue);
	rd_kafka_event_t *event = answer(a, "DescribeConfigs");
	const rd_kafka_ConfigResource_t **results = rd_kafka_DescribeConfigs_result_resources(
		rd_kafka_event_DescribeConfigs_result(event), &count);
	const char *found = NULL;
	if (count == 1 && !rd_kafka_ConfigResource_error(results[0])) {
		const rd_kafka_ConfigEntry_t **list =
			rd_kafka_ConfigResource_configs(results[0], &entries);
		for (size_t i = 0; i < entries; i++) {
			if (strcmp(rd_kafka_ConfigEntry_name(list[i]), "retention.ms") == 0) {
				found = rd_kafka_ConfigEntry_value(list[i]);
			}
		}
	}
	if (!found || strcmp(found, wanted) != 0) {
		fail("DescribeConfigs: retention.ms", found ? found : "not there");
	}
	rd_kafka_event_destroy(event);
	rd_kafka_ConfigResource_destroy(wish);
}

static void alter(const struct admin *a, const char *topic)
{
	size_t count;
	rd_kafka_ConfigResource_t *wish =
		rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	rd_kafka_ConfigResource_set_config(wish, "retention.ms", "3600000");
	rd_kafka_AlterConfigs(a->rk, &wish, 1, a->options, a->queue);
	rd_kafka_event_t *event = answer(a, "AlterConfigs");
	const rd_kafka_ConfigResource_t **results = rd_kafka_AlterConfigs_result_resources(
		rd_kafka_event_AlterConfigs_result(event), &count);
	if (count != 1 || rd_kafka_ConfigResource_error(results[0])) {
		fail("AlterConfigs",
			count ? rd_kafka_ConfigResource_error_string(results[0]) : "no result");
	}
	rd_kafka_event_destroy(event);
	rd_kafka_ConfigResource_destroy(wish);
}

static void delete_records(const struct admin *a, const char *topic, int64_t before)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, topic, 0)->offset = before;
	rd_kafka_DeleteRecords_t *wish = rd_kafka_DeleteRecords_new(list);
	rd_kafka_DeleteRecords(a->rk, &wish, 1, a->options, a->queue);
	rd_kafka_event_t *event = answer(a, "DeleteRecords");
	const rd_kafka_topic_partition_list_t *got =
		rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
	if (!got || got->cnt != 1 || got->elems[0].err || got->elems[0].offset != before) {
		fail("DeleteRecords",
			got && got->cnt ? rd_kafka_err2name(got->elems[0].err) : "no result");
	}
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteRecords_destroy(wish);
	rd_kafka_topic_partition_list_destroy(list);
}

static void delete_topic(const struct admin *a, const char *topic, int wanted)
{
	size_t count;
	rd_kafka_DeleteTopic_t *wish = rd_kafka_DeleteTopic_new(topic);
	rd_kafka_DeleteTopics(a->rk, &wish, 1, a->options, a->queue);
	rd_kafka_event_t *event = answer(a, "DeleteTopics");
	const rd_kafka_topic_result_t **results = rd_kafka_DeleteTopics_result_topics(
		rd_kafka_event_DeleteTopics_result(event), &count);
	check_topics("DeleteTopics", results, count, wanted);
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteTopic_destroy(wish);
}

static void admin(const char *brokers, const char *topic)
{
	struct admin a = {.rk = open_client(RD_KAFKA_PRODUCER, brokers, "none")};
	a.queue = rd_kafka_queue_new(a.rk);
	a.options = rd_kafka_AdminOptions_new(a.rk, RD_KAFKA_ADMIN_OP_ANY);
	create(&a, topic, RD_KAFKA_RESP_ERR_NO_ERROR);
	create(&a, topic, RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS);
	create(&a, "not/legal", RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION);
	configs(&a, topic, "86400000");
	alter(&a, topic);
	configs(&a, topic, "3600000");
	grow(&a, topic, 5, RD_KAFKA_RESP_ERR_NO_ERROR);
	grow(&a, topic, 3, RD_KAFKA_RESP_ERR_INVALID_PARTITIONS);
	for (int i = 0; i < 10; i++) {
		rd_kafka_producev(a.rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
			RD_KAFKA_V_VALUE("x", 1), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
			RD_KAFKA_V_END);
	}
	rd_kafka_flush(a.rk, WAIT_MS);
	delete_records(&a, topic, 4);
	int64_t low = -1, high = -1;
	rd_kafka_query_watermark_offsets(a.rk, topic, 0, &low, &high, WAIT_MS);
	if (low != 4 || high != 10) {
		fail("watermarks", "not 4 and 10");
	}
	delete_topic(&a, topic, RD_KAFKA_RESP_ERR_NO_ERROR);
	delete_topic(&a, "never-there", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	rd_kafka_AdminOptions_destroy(a.options);
	rd_kafka_queue_destroy(a.queue);
	rd_kafka_destroy(a.rk);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 3 ? argv[2] : "";
	if (strcmp(verb, "produce") == 0 && argc == 6) {
		produce(argv[1], argv[3], atoi(argv[4]), argv[5]);
	} else if (strcmp(verb, "consume") == 0 && argc == 7) {
		consume(argv[1], argv[3], atoi(argv[4]), atoll(argv[5]), atoi(argv[6]));
	} else if (strcmp(verb, "admin") == 0 && argc == 4) {
		admin(argv[1], argv[3]);
	} else {
		fprintf(stderr, "usage: rdkafka BROKERS produce|consume|admin TOPIC ...\n");
		return 2;
	}
	return failures ? 1 : 0;
}
