import { ProducerWindows } from '../batch-fields.ts'
import type { Awaitable } from '../file-store.ts'
import type { PartitionIdentity } from '../partition-identity.ts'
import type { PartitionSource, SegmentConfig } from '../partition-source.ts'
import type { CommitSet, PartitionStore, Removal } from '../partition-store.ts'
import { runTask } from '../run-task.ts'
import type { StoredPartition, StoredProducer, StoredState } from '../stored-state.ts'
import { type BatchWish, sealedBatch } from './batches.ts'
import { check } from './case.ts'

/** Makes what a case needs of a store: one for each case. */
export interface PartitionStoreFixture {
  /** A store over the place of this fixture, which is empty at first. `source` answers for the user of the store. */
  open(source: PartitionSource): Awaitable<PartitionStore>
  /** Power loss: what was not durable is gone, and the stores opened so far are dead. */
  crash(): Awaitable<void>
  /** The case is over: removes the place. */
  dispose(): Awaitable<void>
  /**
   * For a store that drops, at open, what no catalogue names: commits (through `log`) the record that tells of the
   * change. Called after a create, and before a removal or a move of the log start.
   */
  decide?(log: PartitionLog, change: PartitionChange): Promise<void>
}

/** A change that a catalogue would record. */
export interface PartitionChange {
  /** What happens to the partition. */
  readonly kind: 'created' | 'removed' | 'log-start-moved'
  /** The partition. */
  readonly id: PartitionIdentity
  /** Where the log starts now if that moved; else 0. */
  readonly logStartOffset: number
}

interface Tracked {
  windows: ProducerWindows
  logStartOffset: number
  ceiling: number
  nextOffset: number
}

/**
 * The least of an engine: appends in order, remembers what the store may ask for, and opens again after an end. A
 * method with the name of one of the store's runs that one to its end, with everything that must come before it.
 */
export class PartitionLog implements PartitionSource {
  readonly #fixture: PartitionStoreFixture
  readonly #tracked: Map<string, Tracked> = new Map()
  #store: PartitionStore | undefined
  /** As the last open returned it; given to batches. */
  leaderEpoch = 0

  constructor(fixture: PartitionStoreFixture) {
    this.#fixture = fixture
  }

  /** The store that is open. */
  get store(): PartitionStore {
    check(this.#store !== undefined, 'an open store')
    return this.#store
  }

  /** False: it keeps no batch in memory. */
  copyTail(): boolean {
    return false
  }

  /** Kafka's defaults, but segments of 1 MiB. */
  segmentConfig(): SegmentConfig {
    return { segmentBytes: 1 << 20, segmentMs: 604_800_000, segmentIndexBytes: 10_485_760, indexIntervalBytes: 4096 }
  }

  /** Opens a store over the fixture's place, and all partitions that it has. */
  async open(): Promise<StoredState> {
    this.#store = await this.#fixture.open(this)
    const state = await runTask(this.#store.open())
    this.leaderEpoch = state.leaderEpoch
    this.#tracked.clear()
    for (const partition of state.partitions) this.#tracked.set(keyOf(partition.id), trackedOf(partition))
    for (const { id } of state.partitions) await this.activate(id)
    return state
  }

  /** A clean close, then an open. */
  async reopen(): Promise<StoredState> {
    await runTask(this.store.close())
    return await this.open()
  }

  /** A power loss, then an open. */
  async crash(): Promise<StoredState> {
    await this.#fixture.crash()
    return await this.open()
  }

  /** Makes partitions and opens them, then records them by `decide`. */
  async create(...ids: readonly PartitionIdentity[]): Promise<void> {
    for (const id of ids) {
      await runTask(this.store.create(id))
      this.#tracked.set(keyOf(id), { windows: new ProducerWindows(), logStartOffset: 0, ceiling: 0, nextOffset: 0 })
      await this.activate(id)
      await this.#fixture.decide?.(this, { kind: 'created', id, logStartOffset: 0 })
    }
  }

  /** Tells of it by `decide`, then removes the partition. */
  async remove(id: PartitionIdentity): Promise<void> {
    await this.#fixture.decide?.(this, { kind: 'removed', id, logStartOffset: 0 })
    await runTask(this.store.remove(id))
  }

  /** Whether the partition was created, or found by the last open. */
  has(id: PartitionIdentity): boolean {
    return this.#tracked.has(keyOf(id))
  }

  /** Opens the partition for appends, if it isn't. */
  async activate(id: PartitionIdentity): Promise<void> {
    if (!this.store.isActive(id)) await runTask(this.store.activate(id))
  }

  /** The offset of its next record. */
  nextOffset(id: PartitionIdentity): number {
    return this.#of(id).nextOffset
  }

  /** Appends, and returns the bytes as they must be read again. With `mayWait` the store may keep them in memory. */
  append(id: PartitionIdentity, wish: Partial<BatchWish> & { readonly mayWait?: boolean } = {}): Uint8Array {
    const { mayWait = false, ...ofBatch } = wish
    const batch = this.batch(id, ofBatch)
    const kept = batch.bytes.slice()
    check(this.store.append(id, batch, mayWait), 'an active partition to take a batch that its segment has room for')
    // The view is the store's during the call only.
    batch.bytes.fill(0xee)
    this.#take(id, kept, batch.nextOffset)
    return kept
  }

  /** A batch that continues the partition, for the caller to hand over. */
  batch(id: PartitionIdentity, wish: Partial<BatchWish> = {}): ReturnType<typeof sealedBatch> {
    return sealedBatch({ baseOffset: this.nextOffset(id), leaderEpoch: this.leaderEpoch, ...wish })
  }

  /** Commits what the set names, and nothing for what it leaves out. */
  async commit(set: Partial<CommitSet>): Promise<void> {
    for (const { id, ceiling } of set.ceilings ?? []) this.#of(id).ceiling = ceiling
    const whole = { durable: [], decisions: [], ceilings: [], producerIdsEnd: undefined, ...set }
    await runTask(this.store.commit(whole))
    for (const { id, bytes, nextOffset } of whole.decisions) this.#take(id, bytes, nextOffset)
  }

  /** Moves the log start and removes what lies below, with the maintenance that this waits for. */
  async deleteBefore(id: PartitionIdentity, offset: number): Promise<void> {
    await this.#fixture.decide?.(this, { kind: 'log-start-moved', id, logStartOffset: offset })
    this.#of(id).logStartOffset = offset
    for (let step = await this.#removeStep(id, offset); step !== 'done'; step = await this.#removeStep(id, offset)) {
      if (step === 'more') continue
      const due = this.store.maintenance()
      check(due !== undefined, 'maintenance to be due when a removal waits for it')
      await runTask(due)
    }
  }

  #removeStep(id: PartitionIdentity, offset: number): Promise<Removal> {
    return runTask(this.store.deleteBefore(id, offset))
  }

  /**
   * Whole batches from `offset` on, `sizeBytes` (1048576 by default) at most; 0 at the end, minus the first batch's
   * size if that is more.
   */
  async read(id: PartitionIdentity, offset: number, sizeBytes: number = 1 << 20): Promise<Uint8Array | number> {
    const into = new Uint8Array(sizeBytes)
    let count = this.store.read(id, offset, into)
    if (count === undefined) {
      await runTask(this.store.prepareRead(id, offset))
      count = this.store.read(id, offset, into)
    }
    check(count !== undefined, 'a read to succeed after prepareRead')
    return count > 0 ? into.slice(0, count) : count
  }

  /** As the store's. */
  async seekTimestamp(id: PartitionIdentity, timestamp: number): Promise<number | undefined> {
    return await runTask(this.store.seekTimestamp(id, timestamp))
  }

  /** Each with its last five batches, as what was appended says. */
  producers(id: PartitionIdentity): readonly StoredProducer[] {
    return this.#of(id).windows.all()
  }

  /** The log start that `deleteBefore` moved last. */
  logStartOffset(id: PartitionIdentity): number {
    return this.#of(id).logStartOffset
  }

  /** The ceiling of the newest commit that had one; 0 before. */
  ceiling(id: PartitionIdentity): number {
    return this.#of(id).ceiling
  }

  #take(id: PartitionIdentity, bytes: Uint8Array, nextOffset: number): void {
    this.#of(id).windows.add(bytes)
    this.#of(id).nextOffset = nextOffset
  }

  #of(id: PartitionIdentity): Tracked {
    const tracked = this.#tracked.get(keyOf(id))
    check(tracked !== undefined, `${id.topic}-${id.partition} to be in the store`)
    return tracked
  }
}

function trackedOf({ producers, logStartOffset, ceiling, nextOffset }: StoredPartition): Tracked {
  return { windows: new ProducerWindows(producers), logStartOffset, ceiling, nextOffset }
}

function keyOf(id: PartitionIdentity): string {
  return `${id.topicId}/${id.partition}`
}
