import {
  type DecodedBatch,
  type Kernel,
  type ProducerTable,
  SEQUENCE_ACCEPTED,
  SEQUENCE_BELOW_WINDOW,
  SEQUENCE_STALE_EPOCH,
} from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { ATTRIBUTE_CONTROL, type EncodedRecord } from '../../model/records.ts'
import type { ParsedTopicConfig } from '../../model/topic-config.ts'
import type {
  PartitionIdentity,
  PartitionStore,
  StoredPartition,
  StoredProducer,
} from '../../storage/partition-store.ts'
import { encodeRecords, mostBatchBytes } from './encode.ts'
import { TailWindow } from './tail-window.ts'
import { Watermarks } from './watermarks.ts'

export interface PartitionAppend {
  readonly records: readonly EncodedRecord[]
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly leaderEpoch: number
  readonly now: number
  readonly config: ParsedTopicConfig
}

/** Where a batch stands; for a duplicate, where its original does. `baseOffset` -1: written, place forgotten. */
export interface Appended {
  readonly baseOffset: number
  readonly nextOffset: number
  readonly duplicate: boolean
}

/** What a read found; `missing`: the store must run `prepareRead` for this offset first. */
export interface PartitionRead {
  readonly batches: DecodedBatch[]
  readonly nextOffset: number
  readonly sizeBytes: number
  readonly missing: number | undefined
}

/** One partition in memory: its end, its watermarks, its producers' windows, and the tail that is read most. */
export class Partition {
  readonly id: PartitionIdentity
  readonly watermarks: Watermarks
  readonly readOnly: boolean
  readonly #kernel: Kernel
  readonly #store: PartitionStore
  readonly #tail: TailWindow
  #producers: ProducerTable | undefined

  constructor(stored: StoredPartition, kernel: Kernel, store: PartitionStore) {
    this.id = stored.id
    this.readOnly = stored.readOnly
    this.#kernel = kernel
    this.#store = store
    this.#tail = new TailWindow(kernel)
    this.watermarks = new Watermarks(stored.logStartOffset, stored.nextOffset, stored.ceiling)
    for (const producer of stored.producers) {
      this.#producers ??= kernel.producerTable()
      if (!this.#producers.load(producer)) throw this.#atCap('its producers')
    }
  }

  #place(): { topic: string; partition: number } {
    return { topic: this.id.topic, partition: this.id.partition }
  }

  #atCap(what: string): LogError {
    const { topic, partition } = this.id
    return new LogError('MEMORY_CAP_REACHED', `no kernel memory for ${what} of ${topic}-${partition}`, this.#place())
  }

  /**
   * Encodes and hands one batch to the store, or finds that it is written already. Nothing has changed when it throws, or when
   * it answers `undefined`: the store has to be activated again (a new segment).
   * Source of the sequence rules: Kafka's ProducerAppendInfo (kafka.md 3.3) and durability rule 8.
   */
  append(request: PartitionAppend): Appended | undefined {
    if (this.readOnly) {
      const { topic, partition } = this.id
      throw new LogError('LOG_READ_ONLY', `${topic}-${partition} is damaged and read-only`, this.#place())
    }
    this.#producers ??= this.#kernel.producerTable()
    const { producerId, producerEpoch, baseSequence, records } = request
    const verdict = this.#producers.check(producerId, producerEpoch, baseSequence, records.length)
    if (verdict >= 0) return { baseOffset: verdict, nextOffset: verdict + records.length, duplicate: true }
    if (verdict === SEQUENCE_BELOW_WINDOW) {
      return { baseOffset: -1, nextOffset: this.watermarks.nextOffset, duplicate: true }
    }
    if (verdict !== SEQUENCE_ACCEPTED) throw this.#sequenceError(verdict, request)
    if (!this.#producers.reserve()) throw this.#atCap('one more producer')
    return this.#appendNew(request, this.#producers)
  }

  #sequenceError(verdict: number, request: PartitionAppend): LogError {
    const { topic, partition } = this.id
    const { producerId, producerEpoch, baseSequence } = request
    const details = { ...this.#place(), producerId, producerEpoch, baseSequence }
    return verdict === SEQUENCE_STALE_EPOCH
      ? new LogError(
          'INVALID_PRODUCER_EPOCH',
          `producer ${producerId} has a newer epoch in ${topic}-${partition}`,
          details,
        )
      : new LogError(
          'OUT_OF_ORDER_SEQUENCE_NUMBER',
          `sequence ${baseSequence} of producer ${producerId} is not next in ${topic}-${partition}`,
          details,
        )
  }

  #appendNew(request: PartitionAppend, producers: ProducerTable): Appended | undefined {
    const { records, producerId, producerEpoch, baseSequence, leaderEpoch, now } = request
    const room = this.#tail.room(mostBatchBytes(records))
    if (room === undefined) throw this.#atCap('a batch')
    const builder = this.#kernel.batchBuilder
    builder.begin(room.buffer, room.position)
    encodeRecords(this.#kernel, records, now)
    const baseOffset = this.watermarks.nextOffset
    const { maxTimestamp } = builder
    const seal = {
      baseOffset,
      partitionLeaderEpoch: leaderEpoch,
      producerId,
      producerEpoch,
      baseSequence,
      attributes: 0,
    }
    const sizeBytes = builder.seal(seal)
    this.#refuseTooLarge(sizeBytes, request.config)
    const nextOffset = baseOffset + records.length
    const bytes = room.buffer.bytes(room.position, room.position + sizeBytes)
    if (!this.#store.append(this.id, { bytes, baseOffset, nextOffset, maxTimestamp })) return undefined
    this.#tail.keep({ baseOffset, nextOffset, position: room.position, sizeBytes })
    producers.push(producerId, producerEpoch, baseSequence, records.length, baseOffset, maxTimestamp)
    this.watermarks.nextOffset = nextOffset
    return { baseOffset, nextOffset, duplicate: false }
  }

  #refuseTooLarge(sizeBytes: number, { maxMessageBytes, segmentBytes }: ParsedTopicConfig): void {
    const details = { ...this.#place(), sizeBytes, maxMessageBytes, segmentBytes }
    if (sizeBytes > maxMessageBytes) {
      throw new LogError('MESSAGE_TOO_LARGE', `a batch of ${sizeBytes} bytes exceeds max.message.bytes`, details)
    }
    if (sizeBytes > segmentBytes) {
      throw new LogError('RECORD_LIST_TOO_LARGE', `a batch of ${sizeBytes} bytes exceeds segment.bytes`, details)
    }
  }

  /** A decision of this partition became durable and stands in the store. */
  placed(nextOffset: number): void {
    this.watermarks.nextOffset = nextOffset
    this.watermarks.advanceDurable(nextOffset)
  }

  /**
   * Whole batches from the one that holds `offset` on, none that ends above `limitOffset`, about `maxBytes` of them but
   * at least one. `nextOffset` is past control batches too.
   */
  read(offset: number, limitOffset: number, maxBytes: number): PartitionRead {
    const found = this.#tail.find(offset)
    return found === undefined
      ? this.#readStore(offset, limitOffset, maxBytes)
      : this.#readTail(found.index, offset, limitOffset, maxBytes)
  }

  #readTail(index: number, offset: number, limitOffset: number, maxBytes: number): PartitionRead {
    const reading = new Reading(offset, limitOffset)
    const buffer = this.#tail.find(offset)?.buffer
    for (let at = index; buffer !== undefined && reading.sizeBytes < maxBytes; at++) {
      const batch = this.#tail.batch(at)
      if (batch === undefined || batch.nextOffset > limitOffset) break
      const decoded = this.#kernel.batchReader.decode(buffer, batch.position, batch.sizeBytes, true)
      if (typeof decoded === 'string') throw this.#damaged(batch.baseOffset, decoded)
      reading.take(decoded)
    }
    return reading.result(undefined)
  }

  #readStore(offset: number, limitOffset: number, maxBytes: number): PartitionRead {
    const reading = new Reading(offset, limitOffset)
    let sizeBytes = Math.min(Math.max(maxBytes, 4096), 1024 * 1024)
    while (reading.nextOffset < limitOffset) {
      const buffer = this.#kernel.allocate(sizeBytes)
      if (buffer === undefined) throw this.#atCap('a read')
      try {
        const count = this.#store.read(this.id, reading.nextOffset, buffer.bytes(0, sizeBytes))
        if (count === undefined) return reading.result(reading.nextOffset)
        if (count === 0) {
          // Offsets that an unclean end left unused (durability rule 5): nothing lies between here and the limit.
          reading.nextOffset = limitOffset
          break
        }
        if (count > 0) {
          this.#decodeAll(buffer, count, reading)
          break
        }
        sizeBytes = -count
      } finally {
        buffer.free()
      }
    }
    return reading.result(undefined)
  }

  #decodeAll(buffer: Parameters<Kernel['batchReader']['decode']>[0], count: number, reading: Reading): void {
    for (let position = 0; position < count; ) {
      const decoded = this.#kernel.batchReader.decode(buffer, position, count - position, false)
      if (typeof decoded === 'string') {
        if (reading.batches.length > 0) return
        throw this.#damaged(reading.nextOffset, decoded)
      }
      if (!reading.take(decoded)) return
      position += decoded.header.sizeBytes
    }
  }

  #damaged(offset: number, fault: string): LogError {
    const { topic, partition } = this.id
    const where = this.#store.locate(this.id, offset)
    const place = where === undefined ? '' : ` (${where.file} at ${where.position})`
    const message = `${topic}-${partition} is damaged at offset ${offset}: ${fault}${place}`
    return new LogError('CORRUPT_MESSAGE', message, { ...this.#place(), offset, fault, ...where })
  }

  /** For checkpoints and snapshots: every producer with its last five batches. */
  *producers(): Iterable<StoredProducer> {
    if (this.#producers !== undefined) yield* this.#producers.windows()
  }

  /** Nothing was appended for a while: the tail's memory goes back. */
  releaseTail(): void {
    this.#tail.release()
  }

  close(): void {
    this.#tail.release()
    this.#producers?.free()
    this.#producers = undefined
  }
}

/** Collects the batches of one read. */
class Reading {
  readonly batches: DecodedBatch[] = []
  readonly #limitOffset: number
  nextOffset: number
  sizeBytes = 0

  constructor(offset: number, limitOffset: number) {
    this.nextOffset = offset
    this.#limitOffset = limitOffset
  }

  /** False when the batch ends above the limit: it stays out. Control batches are passed over (kafka.md 1.3). */
  take(batch: DecodedBatch): boolean {
    const { header } = batch
    const nextOffset = header.baseOffset + header.lastOffsetDelta + 1
    if (nextOffset > this.#limitOffset) return false
    if ((header.attributes & ATTRIBUTE_CONTROL) === 0) this.batches.push(batch)
    this.nextOffset = nextOffset
    this.sizeBytes += header.sizeBytes
    return true
  }

  result(missing: number | undefined): PartitionRead {
    return { batches: this.batches, nextOffset: this.nextOffset, sizeBytes: this.sizeBytes, missing }
  }
}
