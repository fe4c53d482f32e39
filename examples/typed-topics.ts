// Typed topics: a schema checks what goes in and gives what comes out; MessagePack keeps what JSON can't.
//
//   node --import tsx examples/typed-topics.ts
//
// Any Standard Schema will do; this one is Zod's (`npm install zod`). MessagePack needs nothing more.
import { json, LogError, openMemory, string, topic } from 'oncelog'
import { msgpack } from 'oncelog/msgpack'
import { z } from 'zod'

const Order = z.object({ item: z.string().min(1), at: z.iso.datetime().transform((text) => new Date(text)) })
const orders = topic('orders', { key: string, value: json(Order) })
const tracks = topic('tracks', { value: msgpack<{ seen: Set<string>; path: Float64Array }>() })

const log = await openMemory({ topics: [orders, tracks] })
try {
  const producer = log.producer()
  // What is stored is the text; the schema's Date is made when the record is read.
  await producer.send(orders.record({ key: 'ada', value: { item: 'tea', at: '2026-11-26T09:00:00Z' } }))
  await producer.send(tracks.record({ value: { seen: new Set(['gate']), path: Float64Array.of(1.5, 2.5) } }))
  try {
    orders.record({ key: 'bob', value: { item: '', at: 'tomorrow' } })
  } catch (error) {
    // Nothing was written, and the message names the fields, not their content.
    if (LogError.is(error, 'RECORD_SERIALIZATION')) console.log(error.code, error.details['paths'])
  }
  for await (const record of log.read([orders, tracks], { until: 'end' })) {
    if (record.topic === 'orders') console.log(record.key, record.value?.item, record.value?.at.getUTCFullYear())
    else console.log([...(record.value?.seen ?? [])], record.value?.path)
  }
} finally {
  await log.close()
}
