import type {
  Transaction,
  TransactionalProducer,
  TransactionScope,
} from '../../../bindings/client/transaction/transaction-type.ts'
import type { ErrorCode } from '../../../bindings/model/error-table.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { Isolation, SeenRecord } from '../../../bindings/testkit/history/history.ts'
import type { Random } from '../../../bindings/testkit/simulation/random.ts'
import type { SimulatedProcess } from './process.ts'
import type { OpenTransactionEnd, Recording } from './recording.ts'

/** What the programs of one run share. */
export interface World {
  readonly random: Random
  /** A plain producer sends up to so many records at once. */
  readonly burst: number
  readonly recording: Recording
  /** Programs finish what they have begun, and end. */
  isEnding: boolean
  /** Powers or flushes fail: nothing with `acks: 1` is sent, nothing uncommitted is read. */
  readonly losesUnflushed: boolean
  /** Errors that programs were told. */
  readonly told: Map<string, number>
  readonly unexpected: string[]
  /** A program heard that the log has failed: it has to be closed and opened again. */
  readonly storageFailed: (process: SimulatedProcess) => void
}

export const PARTITIONS = 3
const decoder = new TextDecoder()

/** A program of one process; it resolves when it is done, or never. */
export type Program = (process: SimulatedProcess, world: World, slot: number) => Promise<void>

/** What isn't a LogError is no weather, but wrong. */
export function note(world: World, process: SimulatedProcess, error: unknown): void {
  if (LogError.is(error, 'KAFKA_STORAGE_ERROR')) world.storageFailed(process)
  if (LogError.is(error)) world.told.set(error.code, (world.told.get(error.code) ?? 0) + 1)
  else world.unexpected.push(`a program was told ${String(error)}`)
}

/** Plain sends, several unanswered at a time, with both `acks`. */
export const produce: Program = async (process, world) => {
  const { random, recording } = world
  const acks = world.losesUnflushed || random.chance(0.6) ? 'all' : 1
  const producer = process.log.producer({ acks })
  const unanswered = new Set<Promise<void>>()
  while (!world.isEnding) {
    const partition = random.below(PARTITIONS)
    const sends = Array.from({ length: 1 + random.below(world.burst) }, () => {
      return recording.send('t', partition, process.name, `${process.name}#${recording.number()}`, undefined)
    })
    const sent = process.whileAlive(producer.send(sends.map(({ value }) => ({ topic: 't', partition, value }))))
    const settled = sent.then(
      (results) => recording.acknowledged(sends, results),
      (error: unknown) => note(world, process, error),
    )
    unanswered.add(settled)
    const forget = () => unanswered.delete(settled)
    settled.then(forget, forget)
    if (unanswered.size > 4) await Promise.race(unanswered)
    await process.sleep(random.unit() * 4)
  }
  await Promise.all(unanswered)
}

/** Transactions after each other under an id that the program before it had, and maybe another one has too. */
export const transact: Program = async (process, world, slot) => {
  const options = { transactionalId: `id-${slot % 2}`, transactionTimeoutMs: 4000 }
  let producer = process.log.producer(options)
  while (!world.isEnding) {
    try {
      if (world.random.chance(0.5)) await transactWithRetries(process, world, producer)
      else await transactByHand(process, world, await process.whileAlive(producer.beginTransaction()))
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

async function transactByHand(process: SimulatedProcess, world: World, transaction: Transaction): Promise<void> {
  const { random, recording } = world
  const end = recording.begin(process.name)
  try {
    await sendSome(process, world, end, transaction)
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
): Promise<void> {
  const { recording } = world
  let end: OpenTransactionEnd | undefined
  const work = async (transaction: TransactionScope): Promise<void> => {
    if (end !== undefined) end.outcome = 'aborted'
    end = recording.begin(process.name)
    await sendSome(process, world, end, transaction)
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
): Promise<void> {
  const { random } = world
  for (let count = 1 + random.below(3); count > 0; count--) {
    const sent = sendOne(process, world, end, (record) => transaction.send(record))
    if (random.chance(0.5)) await sent
    else sent.catch((error: unknown) => note(world, process, error))
    if (random.chance(0.2)) await process.sleep(random.unit() * 30)
  }
}

type SendRecord = (record: { topic: string; partition: number; value: string }) => Promise<{ offset: number }>

async function sendOne(
  process: SimulatedProcess,
  world: World,
  end: OpenTransactionEnd,
  write: SendRecord,
): Promise<void> {
  const { recording, random } = world
  const value = `${process.name}#${recording.number()}`
  const send = recording.send('t', random.below(PARTITIONS), process.name, value, end.id)
  recording.acknowledged([send], [await process.whileAlive(write({ topic: 't', partition: send.partition, value }))])
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
  partitions: number,
): Promise<void> {
  const { recording, random } = world
  const isolationLevel: Isolation = world.losesUnflushed || random.chance(0.7) ? 'read_committed' : 'read_uncommitted'
  for (;;) {
    const reader = `reader ${recording.number()} of ${process.name}`
    for (let partition = 0; partition < partitions; partition++) recording.positioned(reader, topic, partition, 0)
    try {
      const batches = process.log.read(topic, { isolationLevel }).batches({ maxRecords: 20 })[Symbol.asyncIterator]()
      for (;;) {
        const { value: batch } = await process.whileAlive(batches.next())
        recording.polled(reader, isolationLevel, topic, batch.partition, textsOf(batch))
        if (random.chance(0.2)) await process.sleep(random.unit() * 20)
      }
    } catch (error) {
      if (LogError.is(error, 'LOG_CLOSED')) return
      note(world, process, error)
      await process.sleep(5)
    }
  }
}

export function textsOf(batch: Iterable<{ offset: number; value: Uint8Array | null }>): SeenRecord[] {
  return Array.from(batch, ({ offset, value }) => ({ offset, value: decoder.decode(value ?? undefined) }))
}
