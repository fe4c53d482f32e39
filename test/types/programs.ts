// Compiled, never run: what users write against the published types; the marked lines must not compile.
import { Readable } from 'node:stream'
import {
  bytes,
  type DeletedRecords,
  type FileStore,
  json,
  type Log,
  LogError,
  type Loss,
  open,
  openDriver,
  openMemory,
  type PartitionSource,
  type PartitionStore,
  type Position,
  type Processor,
  type RecordOf,
  type ShareConsumer,
  type ShareGroupOffset,
  salvage,
  store,
  string,
  topic,
  unchecked,
} from 'oncelog'
import { msgpack } from 'oncelog/msgpack'
import { z } from 'zod'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_: Same<A, B>): void => {}

const dated = z.object({ to: z.string(), at: z.iso.datetime().transform((text) => new Date(text)) })
const jobs = topic('jobs', { value: json(dated), partitions: 4 })
const ledger = topic('ledger', {
  key: string,
  value: json(z.object({ balance: z.number() })),
  config: { 'cleanup.policy': 'compact' },
})

// Into the user's own database, exactly once: rows, position and generation in one SQL transaction.
interface Database {
  load(): Promise<Position[]>
  transaction(work: () => void): void
  insert(value: unknown): void
  saveNext(at: Position, generation: number): void
}
export async function toSql(log: Log, database: Database): Promise<void> {
  const consumer = log.consumer({ groupId: 'sql', topics: [jobs, 'raw'], positions: () => database.load() })
  for await (const batch of consumer.batches({ maxRecords: 500 })) {
    database.transaction(() => {
      for (const record of batch) database.insert(record.value)
      database.saveNext(batch, batch.generation)
    })
  }
}

// Replay to an end.
export async function rebuild(log: Log): Promise<Map<string, number>> {
  const balances = new Map<string, number>()
  for await (const record of log.read(ledger, { until: 'end' })) {
    if (record.value !== null) balances.set(record.key ?? '', record.value.balance)
  }
  return balances
}

// At-least-once, record by record.
export async function tail(log: Log, signal: AbortSignal): Promise<void> {
  const job = jobs.record({ key: 'k', value: { to: 'a', at: '2026-11-23T00:00:00Z' } })
  const [first, second] = await log.producer().send([job, { topic: 'raw', value: 'x' }])
  same<typeof first, typeof second>(true)
  const one = await log.producer({ acks: 1, compression: 'zstd' }).send(job, { signal, compression: 'none' })
  same<typeof one.offset, number>(true)
  const consumer = log.consumer({ groupId: 'g', topics: [jobs, 'raw'], signal })
  for await (const record of consumer) {
    if (record.topic === 'raw') same<typeof record.value, Uint8Array<ArrayBuffer> | null>(true)
    else same<typeof record.value, { to: string; at: Date } | null>(true)
    await consumer.commit(record)
  }
  for await (const batch of consumer.batches()) await consumer.commit(batch, { allowSkip: true })
  await consumer.commit([{ topic: 'a', partition: 0, nextOffset: 4 }])
  // @ts-expect-error an object with `offset` alone is neither a record nor a position
  await consumer.commit([{ topic: 'a', partition: 0, offset: 4 }])
  // @ts-expect-error metadata of a send is no record of this consumer
  await consumer.commit(one)
  // @ts-expect-error a group is required
  log.consumer({ topics: ['raw'] })
  // @ts-expect-error the input of the schema is text, its output a Date
  jobs.record({ value: { to: 'a', at: new Date(0) } })
  // @ts-expect-error a balance is a number
  ledger.record({ key: 'k', value: { balance: 'x' } })
  // @ts-expect-error a value is said, be it null
  ledger.record({ key: 'k' })
  // @ts-expect-error values of a topic without codecs are bytes or text
  await log.producer().send({ topic: 'raw', value: 5 })
  // @ts-expect-error a record names its topic
  await log.producer().send({ value: 'x' })
  // @ts-expect-error there is no acks 0 here
  log.producer({ acks: 0 })
}

export async function byHand(log: Log): Promise<void> {
  const producer = log.producer({ transactionalId: 'settle-1', transactionTimeoutMs: 5000 })
  const consumer = log.consumer({ groupId: 'settle', topics: [jobs, 'raw'] })
  for await (const batch of consumer.batches({ maxRecords: 500 })) {
    const size: number = await producer.transaction(
      async (transaction, { attempt, signal }) => {
        for (const record of batch) {
          if (record.topic === 'raw') await transaction.send({ topic: 'out', key: record.key, value: record.value })
        }
        await transaction.sendOffsets(consumer, batch)
        AbortSignal.any([signal])
        return signal.aborted ? attempt : batch.size
      },
      { retries: 3 },
    )
    void size
  }
  const transaction = await producer.beginTransaction()
  await transaction.send([{ topic: 'out', value: 'x' }])
  await transaction.commit()
  // @ts-expect-error a transactional producer sends inside a transaction only
  await producer.send({ topic: 'raw', value: 'x' })
  // @ts-expect-error acks are 'all' in a transaction
  log.producer({ transactionalId: 'settle-1', acks: 1 })
}

// Consume, keep state, produce and commit in one step; the types of a store are its changelog's.
export async function settle(log: Log): Promise<void> {
  const settling = log.process({
    groupId: 'settle',
    topics: [jobs],
    state: { balances: store(ledger) },
    deadLetter: 'jobs-dead',
    async handle(record, { state, attempt, signal }) {
      void attempt.toFixed()
      await fetch('http://localhost/', { signal })
      if (signal.aborted) return
      const at: Date | undefined = record.value?.at
      void at
      const before = (await state.balances.get(record.value?.to ?? ''))?.balance ?? 0
      state.balances.set(record.value?.to ?? '', { balance: before + 1 })
      // @ts-expect-error a balance is a number
      state.balances.set('k', { balance: 'x' })
      // @ts-expect-error there is no store of that name
      void state.totals
      return ledger.record({ key: 'k', value: { balance: before + 1 } })
    },
  })
  await settling.done
  const table = await log.table(ledger)
  const balance: number | undefined = table.get('k')?.balance
  // @ts-expect-error keys of this table are packed
  table.get(5)
  void balance
}

// Out of the user's own database, exactly once.
export function outbox(
  log: Log,
  rows: (after: number | undefined, signal: AbortSignal) => AsyncIterable<{ id: number; body: string }>,
): Processor {
  return log.ingest<number>({
    source: 'orders',
    async *read(after, signal) {
      for await (const { id, body } of rows(after, signal)) {
        yield { position: id, records: { topic: 'orders', key: `${id}`, value: body } }
      }
    },
  })
}

// A work queue.
export async function workers(log: Log): Promise<void> {
  const jobs = topic('jobs', { value: unchecked<{ readonly id: number }>(json()) })
  const consumer: ShareConsumer<typeof jobs> = log.shareConsumer({ groupId: 'workers', topics: [jobs], lockMs: 5000 })
  for await (const job of consumer) {
    same<typeof job.deliveryCount, number>(true)
    const id: number | undefined = job.value?.id
    if (id === undefined) await consumer.acknowledge(job, 'reject', { error: new Error('no job') })
    else await consumer.acknowledge(job, 'release', { delayMs: 100 })
    // @ts-expect-error KIP-932 knows no such word
    await consumer.acknowledge(job, 'done')
    // @ts-expect-error an offset isn't a record
    await consumer.acknowledge(job.offset, 'accept')
  }
}

// Who holds readers back, and what to do about it.
export async function administer({ admin }: Log): Promise<string | undefined> {
  const { offsets, members } = await admin.describeGroup('settle')
  same<(typeof members)[number]['memberId'], string>(true)
  const held = offsets.find(({ heldBack }) => heldBack > 0)?.heldBackBy
  if (held !== undefined) await admin.abortTransaction(held)
  for (const { transactionalId, state, startTimestamp } of await admin.listTransactions()) {
    if (state === 'Ongoing' && (startTimestamp ?? 0) < 5) await admin.fenceProducers([transactionalId])
  }
  const [begins] = await admin.deleteRecords([{ topic: 'jobs', partition: 0, beforeOffset: -1 }])
  same<typeof begins, DeletedRecords | undefined>(true)
  const [first] = await admin.describeProducers([{ topic: 'jobs', partition: 0 }])
  for (const { groupId, offsets: places } of await admin.listShareGroups()) {
    same<(typeof places)[number], ShareGroupOffset>(true)
    if (places.every(({ lag, acquired }) => lag + acquired === 0)) await admin.deleteShareGroup(groupId)
    else await admin.resetShareGroup(groupId, 'latest', { dryRun: true })
  }
  const moved = await admin.resetOffsets('settle', { shiftBy: -5 }, { topics: ['jobs'], dryRun: true })
  await admin.resetOffsets('settle', 'earliest', { topics: [{ topic: 'jobs', partition: 0 }] })
  // @ts-expect-error a place is one of those that are listed
  await admin.resetOffsets('settle', 'first')
  return first?.producers[0]?.transactionalId ?? moved[0]?.before?.toFixed()
}

// What is not built is not in the types.
export function notYet(log: Log): void {
  // @ts-expect-error
  void log.read('raw').cursor
}

// A copy of the log while it is written to.
export async function backedUp(): Promise<void> {
  const log = await open('./data')
  await log.backup('/backups/monday')
  await log.backup(new URL('file:///backups/tuesday'), { signal: AbortSignal.timeout(1000) })
  // @ts-expect-error
  await log.backup()
}

// What is damaged, and what is intact of it.
export async function saved(): Promise<string | undefined> {
  const log = await open('./data')
  const [first] = await log.verify({ signal: AbortSignal.timeout(60_000) })
  await log.close()
  const { losses } = await salvage('./data', new URL('file:///salvaged'), { progress: (done, total) => done / total })
  // @ts-expect-error a copy needs a place
  await salvage('./data')
  const lost: Loss | undefined = losses[0]
  return first?.file ?? lost?.kind
}

// Several processes: one may insist on being alone, the others are told which they are.
export async function alone(): Promise<'holder' | 'attached'> {
  // @ts-expect-error
  await open('./data', { exclusive: 'yes' })
  const log = await open('./data', { exclusive: true })
  return log.role
}

// A service on plain Node 20 (no `await using` there), and a test.
export async function service(): Promise<void> {
  const log = await open('./data', { topics: [jobs, ledger], requireDurability: 'stable' })
  try {
    await tail(log, AbortSignal.timeout(1000))
  } finally {
    await log.close()
  }
  const memory = await openMemory({ topics: [jobs, ledger] })
  try {
    await rebuild(memory)
  } finally {
    await memory.close()
  }
  const files: FileStore = undefined as never
  const rows = (source: PartitionSource): PartitionStore => (source as never) ?? undefined
  const own = [await openDriver(files, { topics: [jobs] }), await openDriver(rows)]
  for (const each of own) await each.close()
  // @ts-expect-error: a directory's path is for open
  await openDriver('./data')
  await using disposed = await openMemory()
  await using producer = disposed.producer()
  await producer.flush({ signal: undefined })
}

export async function codecs(log: Log): Promise<void> {
  const points = topic('points', { key: bytes, value: msgpack<{ path: Float64Array }>() })
  const loose = topic('loose', { value: unchecked<{ a: 1 }>(json()) })
  for await (const record of log.read([points, loose], { from: { timestamp: 0 } })) {
    if (record.topic === 'points') same<typeof record.value, { path: Float64Array } | null>(true)
    else same<typeof record.key, string | null>(true)
  }
  for await (const batch of log.read([points, 'raw'], { until: 'end' }).batches({ maxRecords: 10, borrowed: true })) {
    const position: Position = batch
    void position
    for (const record of batch) {
      if (record.topic === 'points') same<typeof record.value, { path: Float64Array } | null>(true)
      else same<typeof record.value, Uint8Array<ArrayBuffer> | null>(true)
    }
  }
  const [sent] = await log.producer().send([{ topic: 'raw', value: 'x' }])
  const found = sent && (await log.get(points, sent))
  if (found !== undefined) same<typeof found.value, { path: Float64Array } | null>(true)
  // @ts-expect-error a place has an offset
  await log.get('raw', { partition: 0 })
  // @ts-expect-error batches are cut by records and bytes
  log.read('raw').batches({ size: 5 })
  const next = await log.read('raw').toReadableStream().getReader().read()
  if (!next.done) same<typeof next.value.value, Uint8Array<ArrayBuffer> | null>(true)
}

export async function webStreams(log: Log): Promise<Response> {
  for await (const record of log.read(ledger).toReadableStream()) {
    same<typeof record.value, { balance: number } | null>(true)
  }
  Readable.fromWeb(log.read(ledger).toReadableStream())
  const [left, right] = log.read(ledger).toReadableStream().tee()
  const [first] = await Promise.all([left.getReader().read(), right.pipeTo(new WritableStream())])
  if (!first.done) same<typeof first.value.topic, 'ledger'>(true)
  // @ts-expect-error records are no text
  await log.read(ledger).toReadableStream().pipeTo(new WritableStream<string>())
  const packed = new TransformStream<RecordOf<typeof ledger>, Uint8Array>({
    transform: ({ value }, out) => out.enqueue(msgpack().encode(value)),
  })
  return new Response(log.read(ledger).toReadableStream().pipeThrough(packed))
}

export function errors(error: unknown): string | undefined {
  if (LogError.is(error, 'PARTIAL_SEND', 'STORAGE_FULL')) {
    same<typeof error.code, 'PARTIAL_SEND' | 'STORAGE_FULL'>(true)
    return error.hint
  }
  return LogError.is(error) ? error.category : undefined
}
