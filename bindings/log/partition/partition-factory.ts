import type { Kernel, KernelBuffer } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { EncodedRecord } from '../../model/records.ts'
import type { Task } from '../../storage/effect.ts'
import type { PartitionStore } from '../../storage/partition-store.ts'
import type { StoredPartition } from '../../storage/stored-state.ts'
import { compact, type PassInput, type PassResult } from '../compaction/compaction-pass.ts'
import { BatchCache } from './batch-cache.ts'
import { encodeBatch } from './encode.ts'
import { encodeMarkers, type Marker } from './marker.ts'
import { Partition } from './partition.ts'
import { TailPool } from './tail-pool.ts'

/** Room for the keys of half a million records. Kafka's log.cleaner.dedupe.buffer.size is 128 MiB. */
const OFFSET_MAP_BYTES = 16 * 1024 * 1024
/** As many as the decisions of one commit take, but for a change that takes more by itself. */
const DECISION_BYTES = 64 * 1024

/** What the engine, which knows no kernel, gets of the kernel: partitions, and batches as bytes. */
export class PartitionFactory {
  readonly #kernel: Kernel
  readonly #store: PartitionStore
  readonly #cache: BatchCache
  /** Decisions are encoded here, since a log that can't write one ends. */
  readonly #scratch: KernelBuffer
  /** The tails of all partitions. */
  readonly tails: TailPool

  /**
   * `cacheBytes`: memory for the look-ups of single records, for all partitions together. `scratch`: what nobody uses
   * across a yield.
   */
  constructor(kernel: Kernel, store: PartitionStore, cacheBytes: number, scratch: KernelBuffer = setAside(kernel)) {
    this.#kernel = kernel
    this.#store = store
    this.#scratch = scratch
    this.#cache = new BatchCache(cacheBytes)
    this.tails = new TailPool(kernel)
  }

  /** A pass of compaction; the engine runs it step by step. */
  compact(input: Omit<PassInput, 'kernel' | 'store' | 'mapBytes'>): Task<PassResult | undefined> {
    return compact({ ...input, kernel: this.#kernel, store: this.#store, mapBytes: OFFSET_MAP_BYTES })
  }

  partition(stored: StoredPartition): Partition {
    return new Partition(stored, this.#kernel, this.#store, this.tails, this.#cache)
  }

  /**
   * The bytes of a batch on its own: for decisions, which reach their partition only once they are durable. For one
   * that is larger than what is set aside tails make room.
   */
  batch(records: readonly EncodedRecord[], baseOffset: number, leaderEpoch: number, now: number): Uint8Array {
    const producer = { producerId: -1, producerEpoch: -1, baseSequence: -1, attributes: 0 }
    const seal = { baseOffset, partitionLeaderEpoch: leaderEpoch, ...producer }
    return this.tails.makingRoom(() => encodeBatch(this.#kernel, records, seal, now, this.#scratch))
  }

  /** The bytes of the control batches that end a transaction, one for each of these offsets. */
  markers(marker: Marker, places: Parameters<typeof encodeMarkers>[2]): Uint8Array[] {
    return encodeMarkers(this.#kernel, marker, places, this.#scratch)
  }
}

function setAside(kernel: Kernel): KernelBuffer {
  const buffer = kernel.allocate(DECISION_BYTES)
  if (buffer === undefined) throw new LogError('MEMORY_CAP_REACHED', 'the memory cap is too small for a log')
  return buffer
}
