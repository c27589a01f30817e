// SPDX-License-Identifier: GPL-3.0-or-later
// @platformatic/kafka: admin, producer with its codecs and acks, fetches through its consumer.
const { TIME, records, check, broker } = require('./common')

const topic = 'platformatic'

async function main() {
	const { Admin, Consumer, Producer, compressionsAlgorithms } = await import('@platformatic/kafka')
	const options = { clientId: 'p', bootstrapBrokers: [broker], retries: 2 }
	const admin = new Admin(options)
	const [created] = await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 })
	check((await admin.listTopics()).includes(topic), true)

	const wanted = []
	const codecs = Object.keys(compressionsAlgorithms).filter(c => compressionsAlgorithms[c].available)
	check(codecs.length >= 4, true)
	for (const compression of codecs) {
		for (const acks of [0, 1, -1]) {
			const producer = new Producer(options)
			const rows = records(`${compression} ${acks}`)
			const messages = rows.map(r => ({
				topic, partition: 0, key: r.key ?? undefined, value: r.value ?? undefined,
				headers: new Map(r.headers.map(([k, v]) => [Buffer.from(k), v])),
				timestamp: BigInt(r.timestamp),
			}))
			const sent = await producer.send({ messages, acks, compression })
			if (acks !== 0) check(sent.offsets[0].offset, BigInt(wanted.length))
			wanted.push(...rows)
			await producer.close()
		}
	}
	const consumer = new Consumer({ ...options, groupId: 'none' })
	const metadata = await consumer.metadata({ topics: [topic] })
	const node = metadata.topics.get(topic).partitions[0].leader
	const got = []
	while (got.length < wanted.length) {
		const response = await consumer.fetch({
			node, minBytes: 1, maxBytes: 100000, maxWaitTime: 1000,
			topics: [{
				topicId: created.id,
				partitions: [{
					partition: 0, currentLeaderEpoch: -1, fetchOffset: BigInt(got.length),
					lastFetchedEpoch: -1, partitionMaxBytes: 100000,
				}],
			}],
		})
		for (const batch of response.responses[0].partitions[0].records ?? []) {
			for (const r of batch.records) {
				const offset = batch.firstOffset + BigInt(r.offsetDelta)
				if (offset < got.length) continue
				got.push([r.key, r.value, r.headers, Number(batch.firstTimestamp + BigInt(r.timestampDelta))])
			}
		}
	}
	const empty = b => (b?.length ? Buffer.from(b) : null)
	check(got.map(([k, v, h, t]) => [empty(k), empty(v), [...h].map(([n, b]) => [`${n}`, Buffer.from(b)]), t]),
		wanted.map(r => [r.key, r.value, r.headers, r.timestamp]))
	const offsets = await consumer.listOffsets({ topics: [topic] })
	check(offsets.get(topic)[0], BigInt(wanted.length))
	const timed = await consumer.listOffsets({ topics: [topic], timestamp: BigInt(TIME + 39) })
	check(timed.get(topic)[0], 39n)
	await consumer.close(true)
	await admin.deleteTopics({ topics: [topic] })
	check((await admin.listTopics()).includes(topic), false)
	await admin.close()
}

main().catch(e => { console.error(e); process.exit(1) })
