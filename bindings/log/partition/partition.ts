import { type Kernel, type ProducerTable, SEQUENCE_ACCEPTED, SEQUENCE_BELOW_WINDOW } from '../../kernel/kernel.ts'
import type { OwnRecord } from '../../kernel/own-record.ts'
import type { BatchMemory } from '../../model/batch-memory.ts'
import { isCompressed, isPacked, recordCountOf } from '../../model/batch-records.ts'
import { compressionId } from '../../model/compression.ts'
import { OFFSETS_MAX } from '../../model/limits.ts'
import { ATTRIBUTE_APPEND_TIME, ATTRIBUTE_TRANSACTIONAL } from '../../model/records.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import type { AbortedTransaction, PartitionStore } from '../../storage/partition-store.ts'
import type { Damage } from '../../storage/recovery-report.ts'
import type { StoredPartition, StoredProducer } from '../../storage/stored-state.ts'
import { FirstOpenOffsets } from '../segment/first-open-offsets.ts'
import { isTransactional, withoutAborted } from './abort-filter.ts'
import type { BatchCache } from './batch-cache.ts'
import { CachedBatches } from './cached-batches.ts'
import { assertReadable } from './compressed.ts'
import { duplicateAt, forgottenDuplicate } from './duplicates.ts'
import { encodeInPlace, roomForBatch } from './encode.ts'
import { assertKeys, hasKey } from './keys.ts'
import { LastStableOffset } from './last-stable-offset.ts'
import { afterMarker, type Marker } from './marker.ts'
import { type Appended, hasPlainRecords, type PartitionAppend } from './partition-append.ts'
import { PartitionReads } from './partition-reads.ts'
import type { PartitionRead } from './reading.ts'
import {
  assertFits,
  atMemoryCap,
  changedWhileRead,
  emptyBatch,
  noOffsetsLeft,
  readOnly,
  sentOutside,
  sequenceRefused,
} from './refusals.ts'
import type { TailPool } from './tail-pool.ts'
import { TailWindow } from './tail-window.ts'
import { assertTimestamps } from './timestamps.ts'
import { Watermarks } from './watermarks.ts'

/** One partition in memory: its end, its watermarks, its producers' windows, and its tail, which is read most. */
export class Partition {
  readonly id: PartitionIdentity
  readonly watermarks: Watermarks
  readonly readOnly: boolean
  readonly #damage: Damage | undefined
  readonly #kernel: Kernel
  readonly #store: PartitionStore
  readonly #tail: TailWindow
  readonly #tails: TailPool
  readonly #reads: PartitionReads
  readonly #cached: CachedBatches
  #producers: ProducerTable | undefined
  readonly #open: FirstOpenOffsets
  readonly #stable: LastStableOffset

  constructor(stored: StoredPartition, kernel: Kernel, store: PartitionStore, tails: TailPool, cache: BatchCache) {
    this.id = stored.id
    this.readOnly = stored.readOnly
    this.#damage = stored.damage
    this.#kernel = kernel
    this.#store = store
    this.#tail = new TailWindow(tails)
    this.#tails = tails
    this.#reads = new PartitionReads(stored.id, kernel, store, this.#tail, tails)
    this.#cached = new CachedBatches(cache)
    this.watermarks = new Watermarks(stored.logStartOffset, stored.nextOffset, stored.ceiling)
    this.#open = new FirstOpenOffsets(stored.producers)
    this.#stable = new LastStableOffset(this.watermarks, this.#open)
    for (const producer of stored.producers) {
      this.#producers ??= kernel.producerTable()
      if (this.#producers.load(producer)) continue
      this.#producers.free()
      throw atMemoryCap(this.id, 'its producers')
    }
  }

  /**
   * Encodes one batch and hands it to the store, or finds that it is written already. If this throws or returns
   * `undefined` nothing has changed; `undefined` means that the store must be activated again, for a new segment.
   * Source of the sequence rules: Kafka's ProducerAppendInfo (kafka.md 3.3) and durability rule 8.
   */
  append(request: PartitionAppend): Appended | undefined {
    this.#producers ??= this.#kernel.producerTable()
    const { producerId, producerEpoch, baseSequence, records } = request
    const recordCount = recordCountOf(records)
    if (recordCount < 1) throw emptyBatch(this.id)
    // Checked first, because memory of the open batch could be allocated or freed below.
    if (this.#kernel.batchBuilder.isOpen) throw changedWhileRead(this.id)
    const verdict = this.#producers.check(producerId, producerEpoch, baseSequence, recordCount)
    if (verdict >= 0) return duplicateAt(verdict, request, recordCount, this, this.#producers)
    if (verdict === SEQUENCE_BELOW_WINDOW) return forgottenDuplicate(request, this.watermarks.nextOffset)
    if (verdict !== SEQUENCE_ACCEPTED) throw sequenceRefused(this.id, verdict, request)
    if (!request.isTransactional && this.hasOpenTransaction(producerId)) throw sentOutside(this.id, producerId)
    if (!isCompressed(records)) {
      assertKeys({ length: recordCount, hasKey: (index) => hasKey(records, index) }, request.config, this.id)
      if (!isPacked(records) && !hasPlainRecords(request))
        assertTimestamps(records, request.now, request.config, this.id)
    }
    const { nextOffset } = this.watermarks
    if (nextOffset + recordCount > OFFSETS_MAX) throw noOffsetsLeft(this.id, nextOffset)
    const producers = this.#producers
    return this.#tails.makingRoom(() => this.#appendNew(request, recordCount, producers))
  }

  /** LOG_READ_ONLY when recovery found it damaged. */
  assertWritable(): void {
    if (this.readOnly) throw readOnly(this.id, this.#damage)
  }

  #appendNew(request: PartitionAppend, expectedCount: number, producers: ProducerTable): Appended | undefined {
    if (!producers.reserve()) throw atMemoryCap(this.id, 'one more producer')
    const { records, producerId, producerEpoch, baseSequence, leaderEpoch, now } = request
    const room = this.#tail.room(request.mostBytes ?? roomForBatch(records), now)
    if (room === undefined) throw atMemoryCap(this.id, 'a batch')
    const isLogAppendTime = request.config.messageTimestampType === 'LogAppendTime'
    const baseOffset = this.watermarks.nextOffset
    const codec = isCompressed(records) ? compressionId(records.compression) : 0
    const seal = {
      baseOffset,
      partitionLeaderEpoch: leaderEpoch,
      producerId,
      producerEpoch,
      baseSequence,
      attributes:
        codec | (request.isTransactional ? ATTRIBUTE_TRANSACTIONAL : 0) | (isLogAppendTime ? ATTRIBUTE_APPEND_TIME : 0),
    }
    const encoded = encodeInPlace(this.#kernel, room, records, seal, now, isLogAppendTime, hasPlainRecords(request))
    const { sizeBytes, recordCount, maxTimestamp } = encoded
    if (recordCount !== expectedCount) throw changedWhileRead(this.id)
    assertFits(this.id, sizeBytes, request.config)
    if (codec !== 0) {
      const batch = this.#kernel.batchReader.decodeIntact(room.buffer, room.position, sizeBytes)
      assertReadable(batch, maxTimestamp, request, this.id)
    }
    const nextOffset = baseOffset + recordCount
    const bytes = room.buffer.bytes(room.position, room.position + sizeBytes)
    const batch = { bytes, baseOffset, nextOffset, maxTimestamp }
    if (!this.#store.append(this.id, batch, request.mayWait)) return undefined
    this.#tail.keep({ baseOffset, nextOffset, position: room.position, sizeBytes })
    producers.push(producerId, producerEpoch, baseSequence, recordCount, baseOffset, maxTimestamp)
    if (request.isTransactional) this.#open.begin(producerId, baseOffset)
    this.watermarks.nextOffset = nextOffset
    return { baseOffset, nextOffset, isDuplicate: false, appendTime: now, isLogAppendTime, sizeBytes }
  }

  /** A decision in this partition became durable and stands in the store. */
  placed(nextOffset: number): void {
    this.watermarks.nextOffset = nextOffset
    this.watermarks.advanceDurable(nextOffset)
  }

  // ---- transactions --------------------------------------------------------------------------------------------------

  hasOpenTransaction(producerId: number): boolean {
    return this.#open.firstOffsetOf(producerId) >= 0
  }

  get lastStableOffset(): number {
    return this.#stable.offset
  }

  /** The producer whose open transaction holds committed readers back; `undefined` without one. */
  get oldestOpenProducer(): number | undefined {
    return this.#open.oldestProducer
  }

  get isStableHeld(): boolean {
    return this.#stable.isHeld
  }

  /** Readers see no further than now, until `releaseStable`. */
  holdStable(): void {
    this.#stable.hold()
  }

  releaseStable(): void {
    this.#stable.release()
  }

  /** A marker became durable and stands in the store. Returns the transaction that it aborts, if there is one. */
  markerPlaced(
    marker: Marker,
    offset: number,
    coordinatorEpoch: number,
    timestamp: number,
  ): AbortedTransaction | undefined {
    const { producerId, producerEpoch, isCommit } = marker
    // There is no memory to ask for: what the transaction appended made the producer known.
    this.#producers?.load(afterMarker(producerId, producerEpoch, coordinatorEpoch, timestamp))
    const firstOffset = this.#open.end(producerId)
    this.placed(offset + 1)
    this.#tail.pass(offset, offset + 1)
    if (isCommit || firstOffset < 0) return undefined
    return { producerId, firstOffset, lastOffset: offset, lastStableOffset: this.#open.lowest(offset + 1) }
  }

  // ---- reading -------------------------------------------------------------------------------------------------------

  /**
   * Whole batches from the one that holds `offset` on, and none that ends above `limitOffset`; about `maxBytes` of
   * them, at least one; in `memory` if it is given. `nextOffset` lies past control batches too.
   */
  read(offset: number, limitOffset: number, maxBytes: number, memory?: BatchMemory | undefined): PartitionRead {
    return this.#reads.read(offset, limitOffset, maxBytes, memory)
  }

  /** As `read`, up to the last stable offset and without the batches of aborted transactions. */
  readCommitted(offset: number, maxBytes: number, memory?: BatchMemory | undefined): PartitionRead {
    const read = this.read(offset, this.lastStableOffset, maxBytes, memory)
    const first = read.batches.find(isTransactional)
    if (first === undefined) return read
    const aborted = this.#store.abortedBetween(this.id, first.baseOffset, read.nextOffset)
    if (aborted === undefined) {
      return { ...read, batches: [], nextOffset: offset, missing: offset, missingAborted: read.nextOffset }
    }
    return { ...read, batches: withoutAborted(read.batches, aborted) }
  }

  /** The record at `offset`, if an earlier look-up cached its batch. */
  cached(offset: number): OwnRecord | undefined {
    return offset < this.watermarks.logStartOffset ? undefined : this.#cached.find(offset)
  }

  /**
   * The record at `offset` as a committed reader sees it, with its batch cached for the next look-up; or a read that
   * says what the store must read into memory first.
   */
  find(offset: number): OwnRecord | PartitionRead | undefined {
    const cached = this.cached(offset)
    if (cached !== undefined) return cached
    const read = this.readCommitted(offset, 1)
    if (read.missing !== undefined && read.batches.length === 0) return read
    const batch = read.batches.find((each) => each.baseOffset <= offset && offset < each.nextOffset)
    return batch === undefined ? undefined : this.#cached.findIn(batch, offset)
  }

  /** For checkpoints and snapshots: every producer with its last five batches. */
  *producers(): Iterable<StoredProducer> {
    if (this.#producers !== undefined) yield* this.#open.of(this.#producers.windows())
  }

  /** Forgets the producer. False, and it stays, while its transaction is open. */
  forgetProducer(producerId: number): boolean {
    if (this.hasOpenTransaction(producerId)) return false
    this.#producers?.remove(producerId)
    return true
  }

  /** Copies batches of the tail: see PartitionSource. */
  copyTail(baseOffset: number, nextOffset: number, into: Uint8Array): boolean {
    return this.#tail.copy(baseOffset, nextOffset, into)
  }

  /**
   * Compaction rewrote what ends at or before `offset`. Together with the batches of an aborted transaction the store
   * has dropped the note that it was aborted, so nobody may read them from memory any more.
   */
  rewritten(offset: number): void {
    this.#tail.dropBefore(offset)
    this.#cached.clear()
  }

  close(): void {
    this.#tail.release()
    this.#cached.clear()
    this.#producers?.free()
    this.#producers = undefined
  }
}
