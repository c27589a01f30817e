# SPDX-License-Identifier: GPL-3.0-or-later
"""confluent-kafka (librdkafka): admin, producer with every codec and acks, consumer by assignment."""

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from common import BROKER, CODECS, TIME, check, records

TOPIC = "confluent-kafka"


def done(futures):
    for future in futures.values():
        future.result(30)
    return futures


def code_of(futures):
    try:
        done(futures)
    except KafkaException as e:
        return e.args[0].name()
    return None


admin = AdminClient({"bootstrap.servers": BROKER})
new = [NewTopic(TOPIC, 1, 1, config={"retention.ms": "-1"})]
done(admin.create_topics(new))
check("a topic created twice", code_of(admin.create_topics(new)), "TOPIC_ALREADY_EXISTS")
check("topics", TOPIC in admin.list_topics(timeout=30).topics, True)
cluster = admin.describe_cluster().result(30)
check("cluster", (len(cluster.nodes), len(cluster.cluster_id)), (1, 22))

wanted = []
for codec in CODECS:
    for acks in (0, 1, "all"):
        failed = []
        producer = Producer(
            {
                "bootstrap.servers": BROKER,
                "acks": acks,
                "compression.type": codec,
                "linger.ms": 20,
            }
        )
        rows = records(f"{codec} {acks}")
        for k, v, h, t in rows:
            producer.produce(
                TOPIC,
                key=k,
                value=v,
                headers=h,
                timestamp=t,
                partition=0,
                on_delivery=lambda e, m: failed.append(e) if e else None,
            )
        check("left in the queue", producer.flush(30), 0)
        check("failed deliveries", failed, [])
        wanted += rows

tp = TopicPartition(TOPIC, 0, 0)
for isolation in ("read_uncommitted", "read_committed"):
    consumer = Consumer(
        {
            "bootstrap.servers": BROKER,
            "group.id": "none",
            "enable.auto.commit": False,
            "isolation.level": isolation,
            "enable.partition.eof": True,
        }
    )
    consumer.assign([tp])
    got = []
    while len(got) < len(wanted):
        for m in consumer.consume(1000, 30):
            if not m.error():
                got.append((m.key(), m.value(), m.headers() or [], m.timestamp()[1]))
    check("records", got, wanted)
    check("watermarks", consumer.get_watermark_offsets(tp, timeout=30), (0, len(wanted)))
    at = consumer.offsets_for_times([TopicPartition(TOPIC, 0, TIME + 39)], timeout=30)[0]
    check("offset by time", at.offset, 39)
    consumer.close()

for spec, offset in ((OffsetSpec.earliest(), 0), (OffsetSpec.latest(), len(wanted))):
    at = list(admin.list_offsets({tp: spec}).values())[0].result(30)
    check("offset", at.offset, offset)
top = list(admin.list_offsets({tp: OffsetSpec.max_timestamp()}).values())[0].result(30)
check("offset of the largest time", top.timestamp, TIME + 39)

resource = ConfigResource(ResourceType.TOPIC, TOPIC)
entry = done(admin.describe_configs([resource]))[resource].result()["retention.ms"]
check("setting", (entry.value, entry.source), ("-1", 1))
change = ConfigEntry(
    "retention.ms", "5000000", incremental_operation=AlterConfigOpType.SET
)
done(
    admin.incremental_alter_configs(
        [ConfigResource(ResourceType.TOPIC, TOPIC, incremental_configs=[change])]
    )
)
entry = done(admin.describe_configs([resource]))[resource].result()["retention.ms"]
check("setting", entry.value, "5000000")
done(admin.create_partitions([NewPartitions(TOPIC, 3)]))
check("partitions", len(admin.list_topics(TOPIC, timeout=30).topics[TOPIC].partitions), 3)
done(admin.delete_records([TopicPartition(TOPIC, 0, 100)]))
at = list(admin.list_offsets({tp: OffsetSpec.earliest()}).values())[0].result(30)
check("start", at.offset, 100)
done(admin.delete_topics([TOPIC]))
check(
    "a topic deleted twice", code_of(admin.delete_topics([TOPIC])), "UNKNOWN_TOPIC_OR_PART"
)
