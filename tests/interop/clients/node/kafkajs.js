// SPDX-License-Identifier: GPL-3.0-or-later
// kafkajs: admin, producer with its codecs and acks, fetches through its own broker class.
const { EventEmitter } = require('node:events')
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require('kafkajs')
const Cluster = require('kafkajs/src/cluster')
const createSocketFactory = require('kafkajs/src/network/socketFactory')
const { TIME, records, check, broker } = require('./common')

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')

const topic = 'kafkajs'

async function readAll(kafka, count) {
	const cluster = new Cluster({
		logger: kafka.logger(),
		socketFactory: createSocketFactory(),
		brokers: [broker],
		clientId: 'kafkajs',
		connectionTimeout: 5000,
		requestTimeout: 30000,
		retry: {},
		instrumentationEmitter: new EventEmitter(),
		offsets: new Map(),
	})
	await cluster.connect()
	await cluster.addTargetTopic(topic)
	const leader = await cluster.findBroker({ nodeId: cluster.findTopicPartitionMetadata(topic)[0].leader })
	const rows = []
	for (let offset = 0; rows.length < count; offset = rows.length) {
		const { responses } = await leader.fetch({
			replicaId: -1,
			isolationLevel: 1,
			maxWaitTime: 1000,
			minBytes: 1,
			maxBytes: 100000,
			topics: [{ topic, partitions: [{ partition: 0, fetchOffset: `${offset}`, maxBytes: 100000 }] }],
		})
		for (const m of responses[0].partitions[0].messages) {
			if (Number(m.offset) >= offset) rows.push(m)
		}
	}
	await cluster.disconnect()
	return rows
}

async function main() {
	const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR, retry: { retries: 2 } })
	const admin = kafka.admin()
	await admin.connect()
	check(await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }] }), true)
	check(await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }), false)
	check((await admin.listTopics()).includes(topic), true)
	const cluster = await admin.describeCluster()
	check(cluster.brokers.length, 1)
	check(cluster.controller, cluster.brokers[0].nodeId)

	const wanted = []
	for (const compression of [CompressionTypes.None, CompressionTypes.GZIP, CompressionTypes.Snappy]) {
		for (const acks of [0, 1, -1]) {
			const producer = kafka.producer()
			await producer.connect()
			const rows = records(`${compression} ${acks}`)
			const messages = rows.map(r => ({
				...r, partition: 0, timestamp: `${r.timestamp}`, headers: Object.fromEntries(r.headers),
			}))
			const sent = await producer.send({ topic, acks, compression, messages })
			if (acks !== 0) check(Number(sent[0].baseOffset), wanted.length)
			wanted.push(...rows)
			// acks=0: nothing tells that it arrived but the end of the log.
			while (Number((await admin.fetchTopicOffsets(topic))[0].offset) < wanted.length);
			await producer.disconnect()
		}
	}
	const got = await readAll(kafka, wanted.length)
	check(got.map(m => [m.key, m.value, Object.entries(m.headers), Number(m.timestamp)]),
		wanted.map(r => [r.key, r.value, r.headers, r.timestamp]))
	const at = await admin.fetchTopicOffsetsByTimestamp(topic, TIME + 39)
	check(at, [{ partition: 0, offset: '39' }])

	const { resources } = await admin.describeConfigs({
		includeSynonyms: true, resources: [{ type: 2, name: topic, configNames: ['retention.ms'] }],
	})
	check(resources[0].configEntries[0].configValue, '604800000')
	await admin.alterConfigs({
		validateOnly: false,
		resources: [{ type: 2, name: topic, configEntries: [{ name: 'retention.ms', value: '-1' }] }],
	})
	await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
	check((await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length, 3)
	await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '100' }] })
	check((await admin.fetchTopicOffsets(topic)).find(p => p.partition === 0).low, '100')
	await admin.deleteTopics({ topics: [topic] })
	check((await admin.listTopics()).includes(topic), false)
	await admin.disconnect()
}

main().catch(e => { console.error(e); process.exit(1) })
