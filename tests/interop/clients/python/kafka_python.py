# SPDX-License-Identifier: GPL-3.0-or-later
"""kafka-python: admin, producer with every codec and acks, consumer by assignment."""

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError

from common import BROKER, CODECS, TIME, check, records

TOPIC = "kafka-python"

admin = KafkaAdminClient(bootstrap_servers=BROKER)
new = [NewTopic(TOPIC, num_partitions=1, replication_factor=1, topic_configs={"retention.ms": "-1"})]
admin.create_topics(new)
try:
    admin.create_topics(new)
    check("a topic created twice", "success", "an error")
except TopicAlreadyExistsError:
    pass
check("topics", TOPIC in admin.list_topics(), True)
check("cluster", len(admin.describe_cluster()["brokers"]), 1)

wanted = []
for codec in CODECS:
    for acks in (0, 1, "all"):
        producer = KafkaProducer(
            bootstrap_servers=BROKER,
            acks=acks,
            compression_type=None if codec == "none" else codec,
            linger_ms=20,
            enable_idempotence=False,
        )
        rows = records(f"{codec} {acks}")
        sent = [
            producer.send(TOPIC, key=k, value=v, headers=h, timestamp_ms=t, partition=0)
            for k, v, h, t in rows
        ]
        producer.flush(30)
        if acks != 0:
            check("offset", sent[-1].get(30).offset, len(wanted) + len(rows) - 1)
        producer.close()
        wanted += rows

tp = TopicPartition(TOPIC, 0)
for isolation in ("read_uncommitted", "read_committed"):
    consumer = KafkaConsumer(
        bootstrap_servers=BROKER,
        isolation_level=isolation,
        consumer_timeout_ms=10000,
        enable_auto_commit=False,
    )
    consumer.assign([tp])
    consumer.seek_to_beginning(tp)
    check("end", consumer.end_offsets([tp])[tp], len(wanted))
    got = []
    for record in consumer:
        got.append((record.key, record.value, [tuple(h) for h in record.headers], record.timestamp))
        if len(got) == len(wanted):
            break
    check("records", got, wanted)
    at = consumer.offsets_for_times({tp: TIME + 39})[tp]
    check("offset by time", (at.offset, at.timestamp), (39, TIME + 39))
    check("a time to come", consumer.offsets_for_times({tp: TIME * 2})[tp], None)
    consumer.close()

resource = ConfigResource(ConfigResourceType.TOPIC, TOPIC)
text = str(admin.describe_configs([resource]))
check("settings", "retention.ms" in text, True)
admin.create_partitions({TOPIC: NewPartitions(total_count=3)})
consumer = KafkaConsumer(bootstrap_servers=BROKER)
check("partitions", consumer.partitions_for_topic(TOPIC), {0, 1, 2})
admin.delete_records({tp: 100})
check("start", consumer.beginning_offsets([tp])[tp], 100)
consumer.close()
admin.delete_topics([TOPIC])
try:
    admin.delete_topics([TOPIC])
    check("a topic deleted twice", "success", "an error")
except UnknownTopicOrPartitionError:
    pass
admin.close()
