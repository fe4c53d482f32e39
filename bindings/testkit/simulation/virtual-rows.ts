import { LogError } from '../../model/errors.ts'
import { RowDatabase } from '../../storage/drivers/memory-rows/rows.ts'
import { MemoryRowStore } from '../../storage/drivers/memory-rows.ts'
import type { Effect, Task } from '../../storage/effect.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { CommitSet, Removal, SealedBatch } from '../../storage/partition-store.ts'
import type { WriteOrderObserver } from '../../storage/write-order.ts'
import { Digest } from './digest.ts'
import type { DiskFaults } from './faults.ts'
import type { ImageMode } from './image.ts'
import type { Random } from './random.ts'
import { CrashSignal, type OperationWatch, type VirtualDisk } from './virtual-disk.ts'

/** What a log can be stored in under the simulator: files, or rows. */
export type VirtualStorage = VirtualDisk | VirtualRows

/** Where the monitor's frames of a database lie: one sector for each transaction. */
const PLACE = 'rows'
const SECTOR_BYTES = 512

/**
 * A database that crashes, in place of a disk: an append is a write, a transaction is a flush. Before either it can
 * stop (`crashAt`) or be copied as a crash would leave it (`image`).
 */
export class VirtualRows {
  /** Operations so far, counted from 1; `crashAt = n` throws before operation n. */
  operations = 0
  crashAt: number = Number.POSITIVE_INFINITY
  watch: OperationWatch | undefined
  faults: DiskFaults | undefined
  /** Bytes that rows may still take. */
  freeBytes: number = Number.POSITIVE_INFINITY
  /** Rows that found no room. */
  refusedWrites = 0
  crashed = false
  /** Transactions that began, and the last one that ended. */
  begun = 0
  ended = 0
  readonly #database: RowDatabase

  constructor(database: RowDatabase = new RowDatabase()) {
    this.#database = database
  }

  /** For one opening of a log. */
  store(observer: WriteOrderObserver | undefined): MemoryRowStore {
    return new WatchedRowStore(this, this.#database, observer)
  }

  image(random: Random, mode: ImageMode): VirtualRows {
    const isDurable = mode !== 'kill' && mode !== 'torn'
    const kept = {
      none: () => 0,
      mixed: (uncommitted: number) => random.below(uncommitted + 1),
      all: (uncommitted: number) => uncommitted,
    }
    return new VirtualRows(this.#database.afterCrash({ kept: kept[isDurable ? mode : 'all'], isDurable }))
  }

  /** Equal for two databases that no operation tells apart, now or after a crash. */
  digest(): string {
    const digest = new Digest()
    const { partitions, isClean, leaderEpoch, producerIdsEnd } = this.#database
    digest.text(`${isClean} ${leaderEpoch} ${producerIdsEnd}`)
    for (const [key, partition] of partitions) {
      const { rows, logStartOffset, ceiling, floorOffset, committedOffset, aborted, windows } = partition
      digest.text(key)
      digest.text(JSON.stringify([logStartOffset, ceiling, floorOffset, committedOffset, aborted, windows]))
      for (const { bytes } of rows) digest.bytes(bytes)
    }
    return digest.name
  }

  /** The same database for the next opening. */
  reopened(): VirtualRows {
    const next = new VirtualRows(this.#database)
    next.freeBytes = this.freeBytes
    return next
  }

  /** Its holder is gone, or has released it. */
  close(): void {
    this.#database.holder = undefined
  }

  /** Throws if the database is held. */
  assertFree(): void {
    if (this.#database.holder !== undefined) throw new Error('the rows are still held')
  }

  /** For the monitor: whether a power failure leaves the transaction that it knows by this place. */
  isDurable(_file: string, position: number): boolean {
    return position / SECTOR_BYTES <= this.ended
  }

  assertRunning(): void {
    if (this.crashed) throw new CrashSignal('the database stopped')
  }

  /** Counts an operation that is about to happen. */
  begin(kind: 'write' | 'flush', place: string): void {
    this.assertRunning()
    this.operations++
    this.watch?.(this.operations, kind, place)
    if (this.operations >= this.crashAt) {
      this.crashed = true
      throw new CrashSignal(`crash before operation ${this.operations}: ${kind} ${place}`)
    }
    this.failIfTold(kind, place)
  }

  failIfTold(kind: 'write' | 'flush' | 'open' | 'read', place: string): void {
    const effects = kind === 'flush' ? (['error', 'drops-shows-new', 'drops-shows-old'] as const) : (['error'] as const)
    for (const effect of effects) {
      if (this.faults?.strike(kind, place, effect) === undefined) continue
      throw new LogError('KAFKA_STORAGE_ERROR', `${kind} of ${place}: the database failed`, {
        file: place,
        operation: kind,
      })
    }
  }

  /** Takes room for what is about to be stored. */
  take(bytes: number, place: string, operation: string): void {
    if (bytes > this.freeBytes) {
      this.refusedWrites++
      throw new LogError('STORAGE_FULL', `no room for ${bytes} bytes in ${place}`, { file: place, operation })
    }
    this.freeBytes -= bytes
  }
}

/** The row store, with every append and every transaction under the simulator's hands. */
class WatchedRowStore extends MemoryRowStore {
  readonly #rows: VirtualRows
  readonly #database: RowDatabase
  readonly #observer: WriteOrderObserver | undefined

  constructor(rows: VirtualRows, database: RowDatabase, observer: WriteOrderObserver | undefined) {
    super({}, database)
    this.#rows = rows
    this.#database = database
    this.#observer = observer
  }

  override open(): ReturnType<MemoryRowStore['open']> {
    return this.#watched(super.open())
  }

  override create(id: PartitionIdentity): Task<void> {
    return this.#watched(super.create(id))
  }

  override remove(id: PartitionIdentity): Task<void> {
    return this.#watched(super.remove(id))
  }

  override activate(id: PartitionIdentity): Task<void> {
    return this.#watched(super.activate(id))
  }

  override append(id: PartitionIdentity, batch: SealedBatch): boolean {
    const place = `${id.topic}-${id.partition}`
    this.#rows.begin('write', place)
    this.#rows.take(batch.bytes.length, place, 'append')
    return super.append(id, batch)
  }

  override prepareRead(id: PartitionIdentity): Task<void> {
    return this.#watched(super.prepareRead(id))
  }

  override deleteBefore(id: PartitionIdentity, offset: number): Task<Removal> {
    return this.#watched(super.deleteBefore(id, offset))
  }

  override close(): Task<void> {
    return this.#watched(super.close())
  }

  override *commit(set: CommitSet): Task<void> {
    const sequence = ++this.#rows.begun
    this.#rows.take(
      set.decisions.reduce((sum, { bytes }) => sum + bytes.length, 0),
      PLACE,
      'commit',
    )
    this.#tell(sequence, set)
    yield* this.#watched(super.commit(set))
    this.#rows.ended = sequence
    this.#observer?.frameDurable(sequence)
  }

  /** To the monitor a transaction is a frame: what it makes durable, and that one ends before the next begins. */
  #tell(sequence: number, { durable, decisions, ceilings, producerIdsEnd }: CommitSet): void {
    const observer = this.#observer
    if (observer === undefined) return
    const ends = durable.map((id) => ({ id, nextOffset: this.#database.find(id)?.nextOffset ?? 0 }))
    for (const { id, nextOffset } of [...ends, ...decisions]) {
      const { topicId, partition } = id
      observer.frameCovers(sequence, { kind: 'partition', topicId, partition, nextOffset })
    }
    for (const { id, ceiling } of ceilings) {
      observer.frameCovers(sequence, { kind: 'ceiling', topicId: id.topicId, partition: id.partition, ceiling })
    }
    if (producerIdsEnd !== undefined) observer.frameCovers(sequence, { kind: 'producerIds', end: producerIdsEnd })
    observer.framePlaced(sequence, PLACE, sequence * SECTOR_BYTES, 1)
  }

  *#watched<T>(task: Task<T>): Task<T> {
    let step = task.next()
    while (step.done !== true) {
      const watched = (effect: Effect): Effect => ({ ...effect, run: () => this.#run(effect) })
      let result: unknown
      try {
        result = yield Array.isArray(step.value) ? step.value.map(watched) : watched(step.value as Effect)
      } catch (error) {
        step = task.throw(error)
        continue
      }
      step = task.next(result)
    }
    return step.value
  }

  #run(effect: Effect): unknown {
    const { kind, target } = effect
    if (kind === 'commit') this.#rows.begin('flush', target)
    else if (kind === 'open' || kind === 'read') this.#rows.failIfTold(kind, target)
    return effect.run()
  }
}
