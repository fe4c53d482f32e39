// A process of its own, one of several on the directory: copies rows and totals them by key, in transactions of random size
// that hold copies, totals and offsets. It can be killed at any instant, the one that holds the log too.
import { LogError, open, type ProducerRecord, type RecordBatch } from 'oncelog'
import { add, copies, GROUP, PARTITIONS, rows, type Total, totals } from './totals.ts'

const [directory = '', worker = ''] = process.argv.slice(2)
const SIZE_MAX = 120
const PAUSE_MS = 12

let isHurried = false
process.on('message', () => {
  isHurried = true
})

const log = await open(directory, { topics: [rows, copies, totals] })
const consumer = log.consumer({ groupId: GROUP, topics: [rows] })
const producer = log.producer({ transactionalId: worker })
/** By partition, as its transactions left it; read again from the log whenever that may be wrong. */
const known = new Map<number, Map<string, Total>>()
for (const event of ['assigned', 'revoked', 'lost'] as const) {
  consumer.on(event, (partitions) => {
    for (const { partition } of partitions) known.delete(partition)
  })
}

async function stateOf(partition: number): Promise<Map<string, Total>> {
  const found = known.get(partition)
  if (found !== undefined) return found
  const state = new Map<string, Total>()
  for await (const { partition: of, key, value } of log.read(totals, { until: 'end' })) {
    if (of === partition && key !== null && value !== null) state.set(key, value)
  }
  known.set(partition, state)
  return state
}

let transactions = 0

/** Copies of a batch and the totals after it, with its offsets: all of it or nothing. */
async function workOn(batch: RecordBatch<typeof rows>): Promise<void> {
  const { partition } = batch
  const name = `${worker}/${transactions++}`
  await producer.transaction(async (transaction) => {
    // First of all: whatever fails from here on makes the consumer deliver the batch again.
    await transaction.sendOffsets(consumer, batch)
    const state = await stateOf(partition)
    const changed = new Map<string, Total>()
    const output: ProducerRecord[] = []
    for (const { key, value, offset } of batch) {
      const row = value ?? {}
      const total = changed.get(key ?? '') ?? state.get(key ?? '')
      changed.set(key ?? '', add(total, row, { partition, nextOffset: offset + 1 }))
      const copy = copies.record({ key, value: { row, transaction: name, size: batch.size } })
      output.push({ ...copy, partition: offset % PARTITIONS })
    }
    for (const [key, value] of changed) output.push({ ...totals.record({ key, value }), partition })
    await transaction.send(output)
    if (!isHurried) await new Promise((resume) => setTimeout(resume, Math.random() * PAUSE_MS))
    // Right if the transaction is committed; if not, it is forgotten.
    for (const [key, value] of changed) state.set(key, value)
  })
}

async function workForAWhile(): Promise<void> {
  const maxRecords = 1 + Math.floor(Math.random() * SIZE_MAX)
  for await (const batch of consumer.batches({ maxRecords })) {
    const { partition, baseOffset, nextOffset } = batch
    process.send?.({ role: log.role, taken: { partition, baseOffset, nextOffset } })
    try {
      await workOn(batch)
    } catch (error) {
      known.delete(partition)
      throw error
    }
    // Another size from now on.
    if (Math.random() < 0.3) return
  }
}

for (;;) {
  try {
    await workForAWhile()
  } catch (error) {
    // The holder went away, or the group moved on: what isn't committed comes again.
    if (!LogError.is(error) || !['retriable', 'abortable', 'rejoin'].includes(error.category)) throw error
  }
}
