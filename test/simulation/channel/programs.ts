import type { ProducerRecord } from '../../../bindings/client/producer-record.ts'
import type {
  Transaction,
  TransactionalProducer,
  TransactionScope,
} from '../../../bindings/client/transaction/transaction-type.ts'
import type { ErrorCode } from '../../../bindings/model/error-table.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { Isolation, SeenRecord } from '../../../bindings/testkit/history/history.ts'
import type { SimulatedProcess } from './process.ts'
import type { OpenSend, OpenTransactionEnd, SendAnswer } from './recording.ts'
import { drawCompression, note, PARTITIONS, textsOf, type World } from './world.ts'

/** One record that a program sends, and what is known of it. */
export interface Drawn {
  readonly send: OpenSend
  readonly record: ProducerRecord
}

/** Makes the next record of a program; of a transaction if it says so. */
export type Draw = (process: SimulatedProcess, world: World, transaction?: string) => Drawn

/** Anywhere in topic `t`. */
export const drawPlain: Draw = (process, world, transaction) => {
  const partition = world.random.below(PARTITIONS)
  const value = drawValue(process, world)
  const sent = { topic: 't', partition, producer: process.name, value, transaction }
  // Some processes send nothing but values, some keys too, and the others all that a record may have.
  const kind = process.number % 3
  const key = kind === 0 ? undefined : `key of ${value}`
  const copy = kind === 2 ? value : undefined
  const send = world.recording.send({ ...sent, key, copy })
  return { send, record: { topic: 't', partition, value, key, headers: copy === undefined ? undefined : { copy } } }
}

/** Times of records lie before and after those at which they are appended. */
export const drawStamped: Draw = (process, world) => {
  const drawn = drawPlain(process, world)
  const { stampSpreadMs } = world.plan.settings
  if (stampSpreadMs === 0) return drawn
  const timestamp = Math.floor(world.time.wall + (world.random.unit() - 0.5) * stampSpreadMs)
  drawn.send.timestamp = timestamp
  return { ...drawn, record: { ...drawn.record, timestamp } }
}

/** Never twice the same; numbers grow. */
export function drawValue(process: SimulatedProcess, { recording, random, plan }: World): string {
  const { paddingBytes } = plan.settings
  const padding = paddingBytes === 0 ? '' : `~${'.'.repeat(random.below(paddingBytes))}`
  return `${process.name}#${recording.number()}${padding}`
}

/** Plain sends, several unanswered at a time, with both `acks`. */
export async function produce(process: SimulatedProcess, world: World, draw: Draw): Promise<void> {
  const { random, recording, plan } = world
  // What only a segment holds, and a lying disk doesn't, leaves no trace.
  const isDurable = plan.losesUnflushed || plan.kind === 'damaged' || random.chance(0.6)
  const acks = isDurable ? 'all' : 1
  const producer = process.log.producer({ acks, compression: drawCompression(world) })
  const unanswered = new Set<Promise<void>>()
  while (!world.isEnding) {
    const drawn = Array.from({ length: 1 + random.below(plan.settings.burst) }, () => draw(process, world))
    const sends = drawn.map(({ send }) => send)
    const sent = process.whileAlive(producer.send(drawn.map(({ record }) => record)))
    const settled = sent.then(
      (results) => recording.acknowledged(sends, results),
      (error: unknown) => noteSends(world, process, sends, error),
    )
    unanswered.add(settled)
    const forget = () => unanswered.delete(settled)
    settled.then(forget, forget)
    if (unanswered.size > 4) await Promise.race(unanswered)
    // Large ones are rare: what they lead to, extents and rolls, needs no thousands of records.
    await process.sleep(random.unit() * 4 * (1 + drawn.length / 2))
  }
  await Promise.all(unanswered)
}

/** Of some records it may be known that they are written. */
function noteSends(world: World, process: SimulatedProcess, sends: readonly OpenSend[], error: unknown): void {
  note(world, process, error)
  if (!LogError.is(error, 'PARTIAL_SEND')) return
  const results = error.details['results'] as readonly { readonly metadata?: SendAnswer }[]
  results.forEach(({ metadata }, index) => {
    const send = sends[index]
    if (send !== undefined && metadata !== undefined) world.recording.acknowledged([send], [metadata])
  })
}

/** Transactions after each other under an id that the program before it had, and maybe another one has too. */
export async function transact(process: SimulatedProcess, world: World, slot: number, draw: Draw): Promise<void> {
  const options = {
    transactionalId: transactionalId(slot),
    transactionTimeoutMs: 4000,
    compression: drawCompression(world),
  }
  let producer = process.log.producer(options)
  while (!world.isEnding) {
    try {
      if (world.random.chance(0.5)) await transactWithRetries(process, world, producer, draw)
      else await transactByHand(process, world, await process.whileAlive(producer.beginTransaction()), draw)
    } catch (error) {
      note(world, process, error)
      if (LogError.is(error, 'PRODUCER_FENCED')) {
        await process.sleep(50 + world.random.unit() * 100)
        producer = process.log.producer(options)
      }
    }
    await process.sleep(world.random.unit() * 10)
  }
}

async function transactByHand(
  process: SimulatedProcess,
  world: World,
  transaction: Transaction,
  draw: Draw,
): Promise<void> {
  const { random, recording } = world
  const end = recording.begin(process.name)
  try {
    await sendSome(process, world, end, transaction, draw)
    if (random.chance(0.8)) await commit(process, world, end, () => transaction.commit())
  } finally {
    if (end.askedAt === 0) await process.whileAlive(transaction.abort())
  }
}

/** Work is only run again when nothing of the run before it can ever be seen. */
async function transactWithRetries(
  process: SimulatedProcess,
  world: World,
  producer: TransactionalProducer,
  draw: Draw,
): Promise<void> {
  const { recording } = world
  let end: OpenTransactionEnd | undefined
  const work = async (transaction: TransactionScope): Promise<void> => {
    if (end !== undefined) end.outcome = 'aborted'
    end = recording.begin(process.name)
    await sendSome(process, world, end, transaction, draw)
    Object.assign(end, { outcome: 'unknown', askedAt: recording.tick() })
  }
  try {
    await process.whileAlive(producer.transaction(work, { retries: 3 }))
    Object.assign(end ?? {}, { outcome: 'committed' })
  } catch (error) {
    if (LogError.is(error, ...SURELY_ABORTED)) Object.assign(end ?? {}, { outcome: 'aborted' })
    throw error
  }
}

async function sendSome(
  process: SimulatedProcess,
  world: World,
  end: OpenTransactionEnd,
  transaction: TransactionScope,
  draw: Draw,
): Promise<void> {
  const { random } = world
  for (let count = 1 + random.below(3); count > 0; count--) {
    const sent = sendOne(process, world, draw(process, world, end.id), transaction)
    if (random.chance(0.5)) await sent
    else sent.catch((error: unknown) => note(world, process, error))
    if (random.chance(0.2)) await process.sleep(random.unit() * 30)
  }
}

async function sendOne(
  process: SimulatedProcess,
  { recording }: World,
  { send, record }: Drawn,
  transaction: TransactionScope,
): Promise<void> {
  recording.acknowledged([send], [await process.whileAlive(transaction.send(record))])
}

/** Two processes share one. */
export function transactionalId(slot: number): string {
  return `id-${slot % 2}`
}

/** By what the API promises: after TRANSACTION_ABORTABLE nothing of it is ever to be seen. */
const SURELY_ABORTED: readonly ErrorCode[] = ['TRANSACTION_ABORTABLE']

export async function commit(
  process: SimulatedProcess,
  world: World,
  end: OpenTransactionEnd,
  ask: () => Promise<void>,
): Promise<void> {
  end.askedAt = world.recording.tick()
  end.outcome = 'unknown'
  try {
    await process.whileAlive(ask())
    end.outcome = 'committed'
  } catch (error) {
    if (LogError.is(error, ...SURELY_ABORTED)) end.outcome = 'aborted'
    throw error
  }
}

/** Reads a topic from its start for as long as the process lives. */
export async function follow(
  process: SimulatedProcess,
  world: World,
  topic: string,
  seen: (reader: string, partition: number, isolation: Isolation, records: SeenRecord[]) => void,
): Promise<void> {
  const { recording, random } = world
  const isolationLevel: Isolation = random.chance(0.7) ? 'read_committed' : 'read_uncommitted'
  for (;;) {
    const reader = `reader ${recording.number()} of ${process.name}`
    try {
      const batches = process.log.read(topic, { isolationLevel }).batches({ maxRecords: 20 })[Symbol.asyncIterator]()
      for (;;) {
        const { value: batch } = await process.whileAlive(batches.next())
        seen(reader, batch.partition, isolationLevel, textsOf(world, batch))
        if (random.chance(0.2)) await process.sleep(random.unit() * 20)
      }
    } catch (error) {
      if (LogError.is(error, 'LOG_CLOSED')) return
      note(world, process, error)
      await process.sleep(LogError.is(error) && error.category === 'corruption' ? 200 : 5)
    }
  }
}
