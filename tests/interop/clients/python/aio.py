# SPDX-License-Identifier: GPL-3.0-or-later
"""aiokafka: admin, producer with every codec and acks, consumer by assignment."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic

from common import BROKER, CODECS, TIME, check, records

TOPIC = "aiokafka"


async def main():
    admin = AIOKafkaAdminClient(bootstrap_servers=BROKER)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, 1, 1)])
    check("topics", TOPIC in await admin.list_topics(), True)

    wanted = []
    for codec in CODECS:
        for acks in (0, 1, "all"):
            producer = AIOKafkaProducer(
                bootstrap_servers=BROKER,
                acks=acks,
                compression_type=None if codec == "none" else codec,
                linger_ms=20,
                enable_idempotence=False,
            )
            await producer.start()
            rows = records(f"{codec} {acks}")
            sent = [
                await producer.send(TOPIC, key=k, value=v, headers=h, timestamp_ms=t, partition=0)
                for k, v, h, t in rows
            ]
            await producer.flush()
            if acks != 0:
                check("offset", (await sent[-1]).offset, len(wanted) + len(rows) - 1)
            await producer.stop()
            wanted += rows

    tp = TopicPartition(TOPIC, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=BROKER, enable_auto_commit=False)
    await consumer.start()
    consumer.assign([tp])
    consumer.seek(tp, 0)
    got = []
    while len(got) < len(wanted):
        record = await asyncio.wait_for(consumer.getone(), 30)
        got.append((record.key, record.value, list(record.headers), record.timestamp))
    check("records", got, wanted)
    at = (await consumer.offsets_for_times({tp: TIME + 39}))[tp]
    check("offset by time", at.offset, 39)
    await consumer.stop()
    await admin.create_partitions({TOPIC: NewPartitions(3)})
    await admin.delete_topics([TOPIC])
    await admin.close()


asyncio.run(main())
