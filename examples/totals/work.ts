// A process of its own, one of several on the directory: copies rows and totals them by key, in transactions that hold
// copies, totals and offsets. They are of random size, or what rows of one value of a field are. It can be killed at
// any instant, the one that holds the log too.
import { LogError, type ProducerRecord, type TransactionalProducer, type TransactionScope } from 'oncelog'
import { NaturalPieces, type Piece, randomPieces } from './pieces.ts'
import {
  add,
  copies,
  copyPartition,
  GROUP,
  openPatiently,
  PARTITIONS,
  PATIENT,
  rows,
  type Total,
  totals,
} from './totals.ts'

const [directory = '', worker = '', transactionField = '', patience = ''] = process.argv.slice(2)
/** So that few transactions take long enough to be killed in their middle. */
const PAUSE_MS = 12
const AGAIN_MS = 20

let isHurried = false
const hurried = new Promise<void>((resolve) => {
  process.on('message', () => {
    isHurried = true
    resolve()
  })
})

const log = await openPatiently(directory, [rows, copies, totals])
const consumer = log.consumer({ groupId: GROUP, topics: [rows] })
/** By partition: whoever gets one ends what its last reader left open there, before anything of its own. */
const producers = new Map<number, TransactionalProducer>()
const natural = transactionField === '' ? undefined : await naturalPieces()
/** By partition, as its transactions left it; read again from the log whenever that may be wrong. */
const known = new Map<number, Map<string, Total>>()
for (const event of ['assigned', 'revoked', 'lost'] as const) {
  consumer.on(event, async (partitions) => {
    for (const { partition } of partitions) {
      natural?.forget(partition)
      await forget(partition)
    }
  })
}

function producerOf(partition: number): TransactionalProducer {
  const producer = producers.get(partition) ?? log.producer({ transactionalId: `${GROUP}-${partition}` })
  producers.set(partition, producer)
  return producer
}

/** It is another's, or what is known of it may be wrong. */
async function forget(partition: number): Promise<void> {
  known.delete(partition)
  const producer = producers.get(partition)
  producers.delete(partition)
  await producer?.close().catch(() => {})
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

/** Copies of rows and the totals after them, with their offsets. */
async function copy(transaction: TransactionScope, { name, records, done }: Piece): Promise<void> {
  // First of all: whatever fails from here on makes the consumer deliver them again.
  const told = transaction.sendOffsets(consumer, done)
  const { partition } = done
  const state = await stateOf(partition)
  const changed = new Map<string, Total>()
  const output: ProducerRecord[] = []
  const copyName = name ?? `${worker}/${transactions++}`
  for (const { key, value, offset } of records) {
    const row = value ?? {}
    const total = changed.get(key ?? '') ?? state.get(key ?? '')
    changed.set(key ?? '', add(total, row, { partition, nextOffset: offset + 1 }))
    const copied = copies.record({ key, value: { row, transaction: copyName, size: records.length } })
    output.push({ ...copied, partition: copyPartition(partition, offset) })
  }
  for (const [key, value] of changed) output.push({ ...totals.record({ key, value }), partition })
  await Promise.all([told, transaction.send(output)])
  // Open for a moment: kills come by chance, and some are to fall between the sends and the commit.
  if (patience === PATIENT) await hurried
  else if (!isHurried && natural === undefined)
    await new Promise((resume) => setTimeout(resume, Math.random() * PAUSE_MS))
  // Right if the transaction is committed; if not, it is forgotten.
  for (const [key, value] of changed) state.set(key, value)
}

/**
 * All of it or nothing. If the transaction couldn't begin, the consumer knows nothing of it and would go on after the
 * piece: so this tries again.
 */
async function workOn(piece: Piece): Promise<void> {
  for (let hasBegun = false; !hasBegun; ) {
    try {
      await producerOf(piece.done.partition).transaction((transaction) => {
        hasBegun = true
        return copy(transaction, piece)
      })
    } catch (error) {
      await forget(piece.done.partition)
      if (hasBegun || !isPassing(error)) throw error
      // A takeover, or an abort that isn't through yet, ends by itself.
      await new Promise((resume) => setTimeout(resume, AGAIN_MS))
    }
  }
}

/** The holder went away, the group moved on, or another has the partition: what isn't committed comes again. */
function isPassing(error: unknown): boolean {
  return LogError.is(error) && ['retriable', 'abortable', 'rejoin', 'fenced'].includes(error.category)
}

async function naturalPieces(): Promise<NaturalPieces> {
  const all = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: rows.name, partition }))
  const ends = await log.admin.offsets(all)
  return new NaturalPieces(transactionField, new Map(ends.map((each) => [each.partition, each.highWatermark])))
}

for (;;) {
  try {
    for await (const piece of natural?.from(consumer) ?? randomPieces(consumer)) {
      const { done, records } = piece
      const baseOffset = records[0]?.offset ?? 0
      const taken = { partition: done.partition, baseOffset, nextOffset: baseOffset + records.length }
      process.send?.({ role: log.role, taken })
      await workOn(piece)
    }
  } catch (error) {
    if (!isPassing(error)) throw error
  }
}
