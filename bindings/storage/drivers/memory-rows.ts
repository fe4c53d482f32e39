import { LogError } from '../../model/errors.ts'
import { ProducerWindows } from '../batch-fields.ts'
import { perform, type Task } from '../effect.ts'
import type { StoreCapabilities } from '../file-store.ts'
import type {
  AbortedTransaction,
  CommitSet,
  PartitionIdentity,
  PartitionStore,
  RecoveryReport,
  SealedBatch,
  StoredPartition,
  StoredProducer,
  StoredState,
} from '../partition-store.ts'

const capabilities: StoreCapabilities = Object.freeze({
  name: 'memory-rows',
  durability: 'memory',
  synchronousFlush: true,
  rename: false,
  exclusiveLock: true,
})

interface Row {
  readonly bytes: Uint8Array
  readonly baseOffset: number
  readonly nextOffset: number
  readonly maxTimestamp: number
  isCommitted: boolean
}

interface Partition {
  readonly id: PartitionIdentity
  /** By offset. */
  rows: Row[]
  logStartOffset: number
  ceiling: number
  /** The next offset is at least this: where an unclean open went on, and the end of rows that were deleted since. */
  floorOffset: number
  aborted: AbortedTransaction[]
  /** Windows as of the rows that were deleted; the rest is in the rows. */
  deletedWindows: readonly StoredProducer[]
}

interface Database {
  readonly partitions: Map<string, Partition>
  holder: MemoryRowStore | undefined
  isClean: boolean
  leaderEpoch: number
  producerIdsEnd: number
}

/** What this opening knows of a partition, and the database doesn't. */
interface Session {
  /** Rows below it were there at the open: they are read only after `prepareRead`, as rows on a disk would be. */
  coldBelow: number
  decisionsInFlight: number
}

export interface MemoryRowOptions {
  /** Bytes of all rows together; what goes beyond is refused with STORAGE_FULL. */
  readonly capacityBytes?: number | undefined
}

/**
 * A toy database behind the partition port: a row per batch, and the database's transaction in place of a journal.
 * It keeps the port honest (nothing in it speaks of files) and is strict where files are lenient: partitions must be
 * activated, old rows prepared, and nothing may be appended behind a decision that is under way.
 */
export class MemoryRowStore implements PartitionStore {
  readonly capabilities: StoreCapabilities = capabilities
  readonly decisionBytesMax: number = Number.MAX_SAFE_INTEGER
  readonly #database: Database
  readonly #capacityBytes: number
  readonly #sessions: Map<Partition, Session> = new Map()

  constructor(options: MemoryRowOptions = {}, database: Database = emptyDatabase()) {
    this.#capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY
    this.#database = database
  }

  /** Another store over the same database. */
  reopen(): MemoryRowStore {
    return new MemoryRowStore({ capacityBytes: this.#capacityBytes }, this.#database)
  }

  /** A store over what the database holds after a power loss: rows outside a committed transaction are gone. */
  crash(): MemoryRowStore {
    const { partitions, ...rest } = this.#database
    const survivors = [...partitions].map(([key, partition]): [string, Partition] => [
      key,
      {
        ...partition,
        aborted: [...partition.aborted],
        rows: partition.rows.filter((row) => row.isCommitted).map((row) => ({ ...row })),
      },
    ])
    const database = { ...rest, partitions: new Map(survivors), holder: undefined }
    return new MemoryRowStore({ capacityBytes: this.#capacityBytes }, database)
  }

  *open(): Task<StoredState> {
    const database = this.#database
    yield* perform('lock', 'rows', () => this.#lock())
    const clean = database.isClean
    yield* perform('commit', 'rows', () => {
      database.isClean = false
      if (clean) return
      database.leaderEpoch += 1
      for (const partition of database.partitions.values()) {
        partition.floorOffset = Math.max(endOf(partition), partition.ceiling)
      }
    })
    const partitions = [...database.partitions.values()].map(storedPartition)
    return {
      partitions,
      leaderEpoch: database.leaderEpoch,
      nextProducerId: database.producerIdsEnd,
      report: reportOf(clean, partitions),
    }
  }

  *create(id: PartitionIdentity): Task<void> {
    yield* perform('commit', placeOf(id), () => {
      if (this.#database.partitions.has(keyOf(id))) return
      this.#database.partitions.set(keyOf(id), {
        id,
        rows: [],
        logStartOffset: 0,
        ceiling: 0,
        floorOffset: 0,
        aborted: [],
        deletedWindows: [],
      })
    })
  }

  *remove(id: PartitionIdentity): Task<void> {
    yield* perform('commit', placeOf(id), () => {
      const partition = this.#database.partitions.get(keyOf(id))
      if (partition !== undefined) this.#sessions.delete(partition)
      this.#database.partitions.delete(keyOf(id))
    })
  }

  isActive(id: PartitionIdentity): boolean {
    const partition = this.#database.partitions.get(keyOf(id))
    return partition !== undefined && this.#sessions.has(partition)
  }

  *activate(id: PartitionIdentity): Task<void> {
    const partition = this.#known(id, 'activate')
    yield* perform('open', placeOf(id), () => {
      if (this.#sessions.has(partition)) return
      this.#sessions.set(partition, { coldBelow: endOf(partition), decisionsInFlight: 0 })
    })
  }

  append(id: PartitionIdentity, batch: SealedBatch): boolean {
    const { partition, session } = this.#active(id, 'append')
    if (session.decisionsInFlight > 0) throw failure(id, 'append', 'a decision is under way, which comes first')
    this.#requireSpace(id, batch.bytes.length)
    insert(partition, batch, false)
    return true
  }

  read(id: PartitionIdentity, offset: number, into: Uint8Array): number | undefined {
    const { partition, session } = this.#active(id, 'read')
    let copied = 0
    for (let index = firstAt(partition.rows, offset); index < partition.rows.length; index++) {
      const row = partition.rows[index] as Row
      if (row.baseOffset < session.coldBelow) return copied > 0 ? copied : undefined
      if (copied + row.bytes.length > into.length) return copied > 0 ? copied : -row.bytes.length
      into.set(row.bytes, copied)
      copied += row.bytes.length
    }
    return copied
  }

  *prepareRead(id: PartitionIdentity): Task<void> {
    const { session } = this.#active(id, 'read')
    yield* perform('read', placeOf(id), () => {
      session.coldBelow = 0
    })
  }

  abortedBetween(id: PartitionIdentity, fromOffset: number, upToOffset: number): readonly AbortedTransaction[] {
    const { partition } = this.#active(id, 'abortedBetween')
    return partition.aborted.filter((each) => each.lastOffset >= fromOffset && each.firstOffset < upToOffset)
  }

  *seekTimestamp(id: PartitionIdentity, timestamp: number): Task<number | undefined> {
    const { partition } = this.#active(id, 'seekTimestamp')
    return yield* perform(
      'read',
      placeOf(id),
      () => partition.rows.find((row) => row.maxTimestamp >= timestamp)?.baseOffset,
    )
  }

  *deleteBefore(id: PartitionIdentity, offset: number): Task<void> {
    const partition = this.#known(id, 'deleteBefore')
    yield* perform('commit', placeOf(id), () => {
      const kept = partition.rows.filter((row) => row.nextOffset > offset)
      const windows = new ProducerWindows(partition.deletedWindows)
      for (const row of partition.rows) if (row.nextOffset <= offset) windows.add(row.bytes)
      partition.deletedWindows = windows.all()
      partition.floorOffset = Math.max(endOf(partition), offset)
      partition.logStartOffset = Math.max(partition.logStartOffset, offset)
      partition.rows = kept
    })
  }

  locate(id: PartitionIdentity, offset: number): { readonly file: string; readonly position: number } | undefined {
    const rows = this.#database.partitions.get(keyOf(id))?.rows ?? []
    const row = rows[firstAt(rows, offset)]
    return row !== undefined && row.baseOffset <= offset ? { file: placeOf(id), position: row.baseOffset } : undefined
  }

  canCommit(): boolean {
    return true
  }

  *commit(set: CommitSet): Task<void> {
    // As of now: what is appended while the transaction runs belongs to the next one. A decision covers what is before it.
    const rows = [...set.durable, ...set.decisions.map((decision) => decision.id)].flatMap(
      (id) => this.#database.partitions.get(keyOf(id))?.rows ?? [],
    )
    const decisions = set.decisions.map((decision) => ({
      ...decision,
      ...this.#active(decision.id, 'commit'),
      bytes: decision.bytes.slice(),
    }))
    checkOrder(decisions)
    this.#requireSpace(
      undefined,
      decisions.reduce((sum, decision) => sum + decision.bytes.length, 0),
    )
    for (const { session } of decisions) session.decisionsInFlight += 1
    try {
      yield* perform('commit', 'rows', () => {
        for (const decision of decisions) {
          insert(decision.partition, decision, true)
          const aborted = decision.placed?.()
          if (aborted !== undefined) decision.partition.aborted.push(aborted)
        }
        for (const row of rows) row.isCommitted = true
        for (const { id, ceiling } of set.ceilings) {
          const partition = this.#database.partitions.get(keyOf(id))
          if (partition !== undefined) partition.ceiling = Math.max(partition.ceiling, ceiling)
        }
        this.#database.producerIdsEnd = Math.max(this.#database.producerIdsEnd, set.producerIdsEnd ?? 0)
      })
    } finally {
      for (const { session } of decisions) session.decisionsInFlight -= 1
    }
  }

  /** A transaction leaves nothing to tidy up. */
  maintenanceIsDue(): boolean {
    return false
  }

  maintenance(): undefined {
    return undefined
  }

  *abandon(): Task<void> {
    yield* perform('commit', 'rows', () => {
      if (this.#database.holder === this) this.#database.holder = undefined
      this.#sessions.clear()
    })
  }

  *close(): Task<void> {
    yield* perform('commit', 'rows', () => {
      const database = this.#database
      if (database.holder !== this) return
      for (const partition of database.partitions.values()) {
        for (const row of partition.rows) row.isCommitted = true
      }
      database.isClean = true
      database.holder = undefined
      this.#sessions.clear()
    })
  }

  #lock(): void {
    if (this.#database.holder !== undefined) {
      throw new LogError('DIRECTORY_IN_USE', 'the rows are held by another log of this process', {
        pid: undefined,
        host: undefined,
        since: undefined,
      })
    }
    this.#database.holder = this
  }

  #known(id: PartitionIdentity, operation: string): Partition {
    const partition = this.#database.partitions.get(keyOf(id))
    if (partition === undefined) throw failure(id, operation, 'it is not in the store')
    return partition
  }

  #active(id: PartitionIdentity, operation: string): { partition: Partition; session: Session } {
    const partition = this.#known(id, operation)
    const session = this.#sessions.get(partition)
    if (session === undefined) throw failure(id, operation, 'it is not active')
    return { partition, session }
  }

  #requireSpace(id: PartitionIdentity | undefined, addedBytes: number): void {
    if (this.#capacityBytes === Number.POSITIVE_INFINITY || addedBytes === 0) return
    let usedBytes = 0
    for (const { rows } of this.#database.partitions.values()) for (const row of rows) usedBytes += row.bytes.length
    if (usedBytes + addedBytes <= this.#capacityBytes) return
    throw new LogError('STORAGE_FULL', `no room for ${addedBytes} bytes in ${this.#capacityBytes} of rows`, {
      file: id === undefined ? 'rows' : placeOf(id),
      operation: id === undefined ? 'commit' : 'append',
    })
  }
}

function emptyDatabase(): Database {
  return { partitions: new Map(), holder: undefined, isClean: true, leaderEpoch: 0, producerIdsEnd: 0 }
}

function keyOf(id: PartitionIdentity): string {
  return `${id.topicId}/${id.partition}`
}

function placeOf(id: PartitionIdentity): string {
  return `${id.topic}-${id.partition}`
}

function endOf(partition: Partition): number {
  return Math.max(partition.rows.at(-1)?.nextOffset ?? 0, partition.floorOffset)
}

/** Index of the row that holds `offset`, or of the first behind it. */
function firstAt(rows: readonly Row[], offset: number): number {
  let [low, high] = [0, rows.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((rows[middle] as Row).nextOffset > offset) high = middle
    else low = middle + 1
  }
  return low
}

/** Before the transaction, so that none of them is placed when one can't be. */
function checkOrder(decisions: readonly (SealedBatch & { readonly partition: Partition })[]): void {
  const ends = new Map<Partition, number>()
  for (const { partition, baseOffset, nextOffset } of decisions) {
    requireOffset(partition, baseOffset, ends.get(partition) ?? endOf(partition))
    ends.set(partition, nextOffset)
  }
}

function requireOffset(partition: Partition, baseOffset: number, end: number): void {
  if (baseOffset >= end) return
  throw failure(partition.id, 'append', `offset ${baseOffset} is given already, the next is ${end}`)
}

function insert(partition: Partition, batch: SealedBatch, isCommitted: boolean): void {
  requireOffset(partition, batch.baseOffset, endOf(partition))
  const { baseOffset, nextOffset, maxTimestamp } = batch
  partition.rows.push({ bytes: batch.bytes.slice(), baseOffset, nextOffset, maxTimestamp, isCommitted })
}

function storedPartition(partition: Partition): StoredPartition {
  const windows = new ProducerWindows(partition.deletedWindows)
  for (const row of partition.rows) windows.add(row.bytes)
  return {
    id: partition.id,
    logStartOffset: partition.logStartOffset,
    nextOffset: endOf(partition),
    ceiling: partition.ceiling,
    producers: windows.all(),
    maxTimestamp: partition.rows.reduce((greatest, row) => Math.max(greatest, row.maxTimestamp), -1),
    readOnly: false,
  }
}

function reportOf(clean: boolean, partitions: readonly StoredPartition[]): RecoveryReport {
  return {
    clean,
    replayedFrames: 0,
    skippedBatches: 0,
    setAsideBytes: 0,
    setAsideFiles: [],
    damage: [],
    readOnly: [],
    partitions: partitions.map(({ id, nextOffset }) => ({
      topic: id.topic,
      partition: id.partition,
      endOffset: nextOffset,
    })),
  }
}

function failure(id: PartitionIdentity, operation: string, why: string): LogError {
  return new LogError('KAFKA_STORAGE_ERROR', `${operation} of ${id.topic}-${id.partition}: ${why}`, {
    file: placeOf(id),
    topic: id.topic,
    partition: id.partition,
    operation,
  })
}
