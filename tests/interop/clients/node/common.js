// SPDX-License-Identifier: GPL-3.0-or-later
// What every Node client here writes and expects to read.
const { deepStrictEqual } = require('node:assert')

const TIME = 1700000000000

// Rows of one batch: key, value, headers, timestamp; bytes as Buffers.
function records(tag) {
	return Array.from({ length: 40 }, (_, i) => {
		const key = i % 5 === 0 ? null : Buffer.from(`${tag}-k${i % 7}`)
		const value = i === 11 && key ? null : Buffer.concat([Buffer.alloc(10, i), Buffer.from(`${tag} żółć ${i}`)])
		const headers = i % 3 === 0 ? [['h', Buffer.from('1')], ['nul', Buffer.from([0, 255])]] : []
		return { key, value, headers, timestamp: TIME + i }
	})
}

const [host, port] = process.env.WEIR_BROKERS.split(':')
module.exports = { TIME, records, check: deepStrictEqual, broker: `${host}:${port}` }
