// A process of its own: puts every row of a file into the topic `rows`, keyed by one of its fields, and ends.
import { open } from 'oncelog'
import { keyOf, readRows } from './input.ts'
import { rows } from './totals.ts'

const [directory = '', input = '', key = ''] = process.argv.slice(2)
const BATCH = 500
/** Sends on their way at a time. A producer keeps the order of its calls, so they needn't be awaited one by one. */
const WINDOW = 8

const log = await open(directory, { topics: [rows] })
try {
  const producer = log.producer()
  let count = 0
  let batch = []
  const sending: Promise<unknown>[] = []
  for await (const row of readRows(input)) {
    batch.push(rows.record({ key: keyOf(row, key), value: row }))
    if (batch.length === BATCH) {
      sending.push(producer.send(batch))
      batch = []
      if (sending.length === WINDOW) await sending.shift()
    }
    if (++count % 5000 === 0) process.send?.({ filled: count })
  }
  await Promise.all([...sending, producer.send(batch)])
  process.send?.({ filled: count })
} finally {
  await log.close()
}
