import { LogError } from '../../model/errors.ts'
import { perform, type Task } from '../effect.ts'
import type { StoreCapabilities } from '../file-store.ts'
import type { PartitionIdentity } from '../partition-identity.ts'
import type {
  AbortedTransaction,
  CommitSet,
  Compactable,
  PartitionStore,
  Removal,
  Rewrite,
  SealedBatch,
  StoredRange,
} from '../partition-store.ts'
import type { RecoveryReport } from '../recovery-report.ts'
import type { StoredPartition, StoredState } from '../stored-state.ts'
import { failure, placeOf } from './memory-rows/row-failure.ts'
import { RowRewrite } from './memory-rows/row-rewrite.ts'
import { RowSessions } from './memory-rows/row-sessions.ts'
import { type PartitionRows, RowDatabase } from './memory-rows/rows.ts'

const capabilities: StoreCapabilities = Object.freeze({
  name: 'memory-rows',
  durability: 'memory',
  synchronousFlush: true,
  rename: false,
  exclusiveLock: true,
})

export interface MemoryRowOptions {
  /** Most bytes of all rows together: STORAGE_FULL for what goes beyond. */
  readonly capacityBytes?: number | undefined
}

/**
 * A toy database behind the partition port: a row for each batch, and the database's transaction in place of a journal.
 * It keeps the port honest (nothing in it speaks of files) and is strict where files are lenient: partitions must be
 * activated, old rows prepared, and nothing may be appended after a decision that is under way.
 */
export class MemoryRowStore implements PartitionStore {
  readonly capabilities: StoreCapabilities = capabilities
  readonly decisionBytesMax: number = Number.MAX_SAFE_INTEGER
  readonly #database: RowDatabase
  readonly #capacityBytes: number
  readonly #sessions: RowSessions

  constructor(options: MemoryRowOptions = {}, database: RowDatabase = new RowDatabase()) {
    this.#capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY
    this.#database = database
    this.#sessions = new RowSessions(database)
  }

  /** Another store over the same database. */
  reopen(): MemoryRowStore {
    return new MemoryRowStore({ capacityBytes: this.#capacityBytes }, this.#database)
  }

  /** A store over what the database holds after a power loss: rows outside a committed transaction are gone. */
  crash(): MemoryRowStore {
    return new MemoryRowStore({ capacityBytes: this.#capacityBytes }, this.#database.afterCrash())
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
        partition.floorOffset = Math.max(partition.nextOffset, partition.ceiling)
      }
      // Rows of a process that died can be read and may still be lost: they are served only once a transaction has
      // them.
      database.commitAll()
    })
    const partitions = [...database.partitions.values()].map((partition) => partition.stored())
    return {
      partitions,
      leaderEpoch: database.leaderEpoch,
      nextProducerId: database.producerIdsEnd,
      report: reportOf(clean, partitions),
    }
  }

  *create(id: PartitionIdentity): Task<void> {
    yield* perform('commit', placeOf(id), () => this.#database.create(id))
  }

  *remove(id: PartitionIdentity): Task<void> {
    yield* perform('commit', placeOf(id), () => {
      const partition = this.#database.find(id)
      if (partition !== undefined) this.#sessions.forget(partition)
      this.#database.remove(id)
    })
  }

  isActive(id: PartitionIdentity): boolean {
    const partition = this.#database.find(id)
    return partition !== undefined && this.#sessions.of(partition).isActive
  }

  *activate(id: PartitionIdentity): Task<void> {
    const partition = this.#sessions.known(id)
    yield* perform('open', placeOf(id), () => {
      this.#sessions.of(partition).isActive = true
    })
  }

  append(id: PartitionIdentity, batch: SealedBatch): boolean {
    const { partition, session } = this.#sessions.active(id, 'append')
    if (session.decisionsInFlight > 0) throw failure(id, 'append', 'a decision is under way, which comes first')
    requireOffset(partition, batch.baseOffset, partition.nextOffset)
    this.#requireSpace(id, batch.bytes.length)
    partition.insert(batch)
    return true
  }

  read(id: PartitionIdentity, offset: number, into: Uint8Array): number | undefined {
    const partition = this.#database.find(id)
    if (partition === undefined) return 0
    const { coldBelow } = this.#sessions.of(partition)
    let copied = 0
    for (let index = partition.firstAt(offset); index < partition.rows.length; index++) {
      const row = partition.rows[index] as SealedBatch
      if (row.baseOffset < coldBelow) return copied > 0 ? copied : undefined
      if (copied + row.bytes.length > into.length) return copied > 0 ? copied : -row.bytes.length
      into.set(row.bytes, copied)
      copied += row.bytes.length
    }
    return copied
  }

  *prepareRead(id: PartitionIdentity): Task<void> {
    const partition = this.#sessions.known(id)
    yield* perform('read', placeOf(id), () => {
      this.#sessions.of(partition).coldBelow = 0
    })
  }

  abortedBetween(id: PartitionIdentity, fromOffset: number, upToOffset: number): readonly AbortedTransaction[] {
    const aborted = this.#database.find(id)?.aborted ?? []
    return aborted.filter((each) => each.lastOffset >= fromOffset && each.firstOffset < upToOffset)
  }

  *seekTimestamp(id: PartitionIdentity, timestamp: number): Task<number | undefined> {
    const { rows } = this.#sessions.known(id)
    const find = () => rows.find((row) => row.maxTimestamp >= timestamp)?.baseOffset
    return yield* perform('read', placeOf(id), find)
  }

  ranges(id: PartitionIdentity): readonly StoredRange[] {
    return (this.#database.find(id)?.rows ?? []).map(({ baseOffset, nextOffset, bytes, maxTimestamp }) => {
      return { baseOffset, nextOffset, sizeBytes: bytes.length, maxTimestamp }
    })
  }

  /** Does nothing, because each row can be removed by itself. */
  seal(): void {}

  *deleteBefore(id: PartitionIdentity, offset: number): Task<Removal> {
    const partition = this.#sessions.known(id)
    if (partition.logStartOffset >= offset) return 'done'
    yield* perform('commit', placeOf(id), () => partition.deleteBefore(offset))
    return 'done'
  }

  /** All rows that a transaction holds but the last one, which tells where the partition ends. */
  compactable(id: PartitionIdentity): Compactable {
    const partition = this.#database.find(id)
    if (partition === undefined) return { cleanedOffset: 0, segments: [] }
    const { cleanedOffset, committedOffset } = partition
    const rows = partition.rows.slice(0, -1).filter((row) => row.nextOffset <= committedOffset)
    const segments = rows.map(({ baseOffset, nextOffset, maxTimestamp, bytes }) => {
      return { baseOffset, nextOffset, maxTimestamp, firstTimestamp: maxTimestamp, sizeBytes: bytes.length }
    })
    return { cleanedOffset, segments }
  }

  *rewrite(id: PartitionIdentity, baseOffset: number, nextOffset: number): Task<Rewrite> {
    const { rows } = this.#sessions.known(id)
    const isBefore = (row: SealedBatch) => row.baseOffset >= baseOffset && row.nextOffset <= nextOffset
    const rewrite = yield* perform(
      'read',
      placeOf(id),
      () => new RowRewrite(this.#sessions.known(id), rows.filter(isBefore)),
    )
    return rewrite
  }

  *cleaned(id: PartitionIdentity, offset: number): Task<void> {
    yield* perform('commit', placeOf(id), () => {
      this.#sessions.known(id).cleanedOffset = offset
    })
  }

  locate(id: PartitionIdentity, offset: number): { readonly file: string; readonly position: number } | undefined {
    const partition = this.#database.find(id)
    const row = partition?.rows[partition.firstAt(offset)]
    return row !== undefined && row.baseOffset <= offset ? { file: placeOf(id), position: row.baseOffset } : undefined
  }

  canCommit(): boolean {
    return true
  }

  *commit(set: CommitSet): Task<void> {
    // As of now: what is appended while the transaction runs belongs to the next one.
    const ends = set.durable
      .map((id) => this.#database.find(id))
      .filter((partition) => partition !== undefined)
      .map((partition) => ({ partition, end: partition.nextOffset }))
    const decisions = set.decisions.map((decision) => ({
      ...decision,
      ...this.#sessions.active(decision.id, 'commit'),
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
        for (const { partition, end } of ends) partition.commit(end)
        for (const decision of decisions) {
          decision.partition.insert(decision)
          decision.partition.commit(decision.nextOffset)
          const aborted = decision.placed?.()
          if (aborted !== undefined) decision.partition.aborted.push(aborted)
        }
        for (const { id, ceiling } of set.ceilings) {
          const partition = this.#database.find(id)
          if (partition !== undefined) partition.ceiling = Math.max(partition.ceiling, ceiling)
        }
        this.#database.producerIdsEnd = Math.max(this.#database.producerIdsEnd, set.producerIdsEnd ?? 0)
      })
    } finally {
      for (const { session } of decisions) session.decisionsInFlight -= 1
    }
  }

  /** Nothing is left to do after a transaction. */
  maintenanceIsDue(): boolean {
    return false
  }

  maintenance(): undefined {
    return undefined
  }

  *abandon(): Task<void> {
    yield* perform('lock', 'rows', () => this.#release())
  }

  *close(): Task<void> {
    yield* perform('commit', 'rows', () => {
      const database = this.#database
      if (database.holder !== this) return
      database.isClean = true
      database.commitAll()
      this.#release()
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

  #release(): void {
    if (this.#database.holder === this) this.#database.holder = undefined
    this.#sessions.clear()
  }

  #requireSpace(id: PartitionIdentity | undefined, addedBytes: number): void {
    if (this.#capacityBytes === Number.POSITIVE_INFINITY || addedBytes === 0) return
    const { usedBytes } = this.#database
    if (usedBytes + addedBytes <= this.#capacityBytes) return
    throw new LogError('STORAGE_FULL', `no room for ${addedBytes} bytes in ${this.#capacityBytes} of rows`, {
      file: id === undefined ? 'rows' : placeOf(id),
      operation: id === undefined ? 'commit' : 'append',
    })
  }
}

/** Checked before the transaction, so that none is placed if one of them can't be. */
function checkOrder(decisions: readonly (SealedBatch & { readonly partition: PartitionRows })[]): void {
  const ends = new Map<PartitionRows, number>()
  for (const { partition, baseOffset, nextOffset } of decisions) {
    requireOffset(partition, baseOffset, ends.get(partition) ?? partition.nextOffset)
    ends.set(partition, nextOffset)
  }
}

function requireOffset({ id }: PartitionRows, baseOffset: number, end: number): void {
  if (baseOffset >= end) return
  throw failure(id, 'append', `offset ${baseOffset} is given already, the next is ${end}`)
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
