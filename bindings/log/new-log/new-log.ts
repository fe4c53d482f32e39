import type { KernelBuffer } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { BATCH_BYTES_MAX } from '../../model/limits.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { StoreLock } from '../../storage/file-store.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { SegmentConfig } from '../../storage/partition-source.ts'
import { FileCache } from '../segment/file-cache.ts'
import { SCRATCH_BYTES, type SegmentContext } from '../segment/segment-context.ts'
import { WriteBuffers } from '../segment/write-buffers.ts'
import { type NewJournal, placeJournal } from '../store/create-journal.ts'
import { assertEmpty, beginCopy, endCopy } from '../store/unfinished-copy.ts'
import { NewPartition, type PartitionEnd } from './new-partition.ts'

const OPEN_FILES_MAX = 16

/** What a log's batches don't tell. Epoch and producer id are raised further where a batch has a greater one. */
export interface LogFacts {
  readonly generation: number
  /** The first open of the new log raises it by one. */
  readonly leaderEpoch: number
  /** No producer id from here on was ever given. */
  readonly producerIdsEnd: number
}

/**
 * Writes batches that exist already into a new directory, with the offsets that they have, and makes a log of it at the
 * very end: until then, and after a crash, opening the directory rejects with COPY_UNFINISHED. One partition after the
 * other, whichever comes first, the log's own topics among them: `__oncelog_catalogue` says which topics there are,
 * with `partition` for each of their partitions.
 *
 *     const log = yield* NewLog.begin({ store, kernel, options })
 *     const partition = yield* log.partition(id, segmentConfig)
 *     for (...) yield* partition.append(batch)     // a ScannedBatch, as BatchScanner gives them
 *     yield* log.endPartition(partition, end)
 *     yield* log.finish(facts)                     // or `abandon` after any failure
 */
export class NewLog {
  readonly #into: NewJournal
  readonly #context: SegmentContext
  #scratch: KernelBuffer | undefined
  readonly #lock: StoreLock
  readonly #records: Uint8Array[] = []
  #open: NewPartition | undefined
  #leaderEpoch = 0
  #producerIdMax = -1

  private constructor(into: NewJournal, scratch: KernelBuffer, lock: StoreLock) {
    this.#into = into
    this.#scratch = scratch
    this.#lock = lock
    const { store, kernel } = into
    const files = new FileCache(store, OPEN_FILES_MAX)
    const writeBuffers = new WriteBuffers(() => false)
    this.#context = { kernel, store, files, writeBuffers, scratch, maxBatchBytes: BATCH_BYTES_MAX }
  }

  /** INVALID_REQUEST for a directory that isn't empty, DIRECTORY_IN_USE where another process fills it. */
  static *begin(into: NewJournal): Task<NewLog> {
    const { store, kernel } = into
    yield* assertEmpty(store)
    const scratch = kernel.allocate(SCRATCH_BYTES)
    if (scratch === undefined) throw new LogError('MEMORY_CAP_REACHED', 'the memory cap is too small for a log')
    let lock: StoreLock | undefined
    try {
      lock = yield* perform('lock', '', () => store.lock())
      yield* beginCopy(store)
      return new NewLog(into, scratch, lock)
    } catch (error) {
      scratch.free()
      yield* perform('lock', '', () => lock?.release())
      throw error
    }
  }

  /** Begins a partition. One at a time: end it before the next one begins. */
  *partition(id: PartitionIdentity, config: SegmentConfig): Task<NewPartition> {
    this.#open = yield* NewPartition.begin(this.#context, id, config)
    return this.#open
  }

  *endPartition(partition: NewPartition, end: PartitionEnd): Task<void> {
    this.#leaderEpoch = Math.max(this.#leaderEpoch, partition.leaderEpoch)
    this.#producerIdMax = Math.max(this.#producerIdMax, partition.producerIdMax)
    for (const { producerId } of end.producers) this.#producerIdMax = Math.max(this.#producerIdMax, producerId)
    this.#records.push(yield* partition.finish(end))
    this.#open = undefined
  }

  /**
   * When it ends the copy is a log, durably, and one that wasn't closed: its first open aborts the transactions that
   * are open in it (durability rule 9).
   */
  *finish({ generation, leaderEpoch, producerIdsEnd }: LogFacts): Task<void> {
    const facts = {
      generation,
      leaderEpoch: Math.max(leaderEpoch, this.#leaderEpoch),
      producerIdsEnd: Math.max(producerIdsEnd, this.#producerIdMax + 1),
    }
    yield* placeJournal(this.#into, facts, this.#records)
    yield* endCopy(this.#into.store)
    yield* this.abandon()
  }

  /** Releases lock, files and memory; may be called twice. What was written stays, and is no log. */
  *abandon(): Task<void> {
    this.#open?.release()
    this.#open = undefined
    this.#context.files.closeAll()
    this.#scratch?.free()
    this.#scratch = undefined
    yield* perform('lock', '', () => this.#lock.release())
  }
}
