import type { StoredProducer, StoredProducerBatch } from './stored-state.ts'

/**
 * The few header fields of a sealed batch that a store without the kernel needs. The bytes came from the engine, so
 * nothing is checked here.
 *
 *   int64 baseOffset @0 | int32 length @8 | int32 leader epoch @12 | int8 magic @16 | uint32 crc @17 | int16 attributes @21
 *   int32 lastOffsetDelta @23 | int64 baseTimestamp @27 | int64 maxTimestamp @35 | int64 producerId @43
 *   int16 producerEpoch @51 | int32 baseSequence @53 | int32 recordCount @57
 *
 * Source: apache/kafka DefaultRecordBatch.
 */
export interface BatchFields {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly lastSequence: number
  readonly isTransactional: boolean
  /** A marker: its one record's key says how the transaction ended. */
  readonly isControl: boolean
}

/**
 * What a partition remembers of a producer (kafka.md 3.2); `assembly/producers.ts` and the kernel's table keep as many.
 */
const BATCHES_MAX = 5

const TRANSACTIONAL = 0x10
const CONTROL = 0x20

export function batchFields(bytes: Uint8Array): BatchFields {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const int64 = (position: number): number => view.getInt32(position) * 2 ** 32 + view.getUint32(position + 4)
  const lastOffsetDelta = view.getInt32(23)
  const baseSequence = view.getInt32(53)
  const attributes = view.getInt16(21)
  return {
    baseOffset: int64(0),
    lastOffset: int64(0) + lastOffsetDelta,
    maxTimestamp: int64(35),
    producerId: int64(43),
    producerEpoch: view.getInt16(51),
    baseSequence,
    // 2147483647 is followed by 0.
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
    isControl: (attributes & CONTROL) !== 0,
    lastSequence: baseSequence < 0 ? baseSequence : (baseSequence + lastOffsetDelta) & 0x7fffffff,
  }
}

/** The newest batches of each producer of one partition, rebuilt from headers alone. */
export class ProducerWindows {
  readonly #windows: Map<number, StoredProducer> = new Map()

  constructor(known: Iterable<StoredProducer> = []) {
    for (const window of known) this.#windows.set(window.producerId, window)
  }

  add(bytes: Uint8Array): void {
    const fields = batchFields(bytes)
    if (fields.producerId < 0) return
    if (fields.isControl) return this.#end(fields)
    const before = this.#windows.get(fields.producerId)
    const openSince = before?.currentTransactionFirstOffset ?? -1
    const kept = before?.producerEpoch === fields.producerEpoch ? before.batches : []
    const batch: StoredProducerBatch = {
      firstSequence: fields.baseSequence,
      lastSequence: fields.lastSequence,
      baseOffset: fields.baseOffset,
      lastOffset: fields.lastOffset,
      timestamp: fields.maxTimestamp,
    }
    this.#windows.set(fields.producerId, {
      producerId: fields.producerId,
      producerEpoch: fields.producerEpoch,
      coordinatorEpoch: before?.coordinatorEpoch ?? -1,
      currentTransactionFirstOffset: fields.isTransactional && openSince < 0 ? fields.baseOffset : openSince,
      batches: [...kept, batch].slice(-BATCHES_MAX),
    })
  }

  /** A marker: its epoch is in force, sequences begin again, nothing is open. */
  #end({ producerId, producerEpoch, maxTimestamp }: BatchFields): void {
    const coordinatorEpoch = this.#windows.get(producerId)?.coordinatorEpoch ?? -1
    const ended = { coordinatorEpoch, currentTransactionFirstOffset: -1, batches: [], markerTimestamp: maxTimestamp }
    this.#windows.set(producerId, { producerId, producerEpoch, ...ended })
  }

  all(): readonly StoredProducer[] {
    return [...this.#windows.values()]
  }
}
