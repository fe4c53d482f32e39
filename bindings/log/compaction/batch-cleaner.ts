import type { Kernel, KeyedRecords } from '../../kernel/kernel.ts'
import { BATCH_HEADER_BYTES, BATCH_LENGTH_AT, LOG_OVERHEAD_BYTES } from '../../model/batch-format.ts'
import { ATTRIBUTE_CODEC, codecOf, compressionOf } from '../../model/compression.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'
import { viewOf } from '../segment/batch-frame.ts'
import {
  ATTRIBUTE_DELETE_HORIZON,
  type BatchBytes,
  newRecordTime,
  plainRecords,
  type RecordTime,
  setInt64,
  TimeCursor,
  varintBytes,
  writeVarint,
} from './batch-bytes.ts'
import { BatchParts } from './batch-parts.ts'
import type { DecidedTransactions } from './decided-transactions.ts'
import { HASH_WORDS, type OffsetMap } from './offset-map.ts'
import { type KeysOf, keysOfRecord, type RecordKeys } from './record-keys.ts'

const CRC_FROM = 21
const VARINT_BYTES_MAX = 10
/** A batch with a greater one can't be read. */
const TIMESTAMP_MAX = Number.MAX_SAFE_INTEGER
/** Records that one turn of the event loop writes anew. */
const RECORDS_A_TURN = 1024

/**
 * A producer that the partition remembers, which its last batch, or its epoch behind a marker, must still tell after
 * the pass.
 */
export interface ActiveProducer {
  readonly producerEpoch: number
  /** -1 if its last batch is a marker. */
  readonly lastDataOffset: number
}

export interface CleaningRules {
  readonly kernel: Pick<Kernel, 'crc32cOf' | 'codecs' | 'batchReader'>
  /** The last offset of each key, of records below `mapEnd`. */
  readonly map: Pick<OffsetMap, 'get' | 'getHashed'>
  readonly mapEnd: number
  /** For topics where a record's own key doesn't tell what replaces it. */
  readonly keysOf: KeysOf | undefined
  readonly transactions: DecidedTransactions
  readonly producers: ReadonlyMap<number, ActiveProducer>
  readonly now: number
  readonly deleteRetentionMs: number
}

/**
 * What stays of one batch. Offsets never change: a batch keeps its first and last one, its producer and its sequences,
 * whatever of its records goes. Source: Kafka's Cleaner.cleanInto and MemoryRecords.filterTo (kafka.md 2.8).
 */
export class BatchCleaner {
  readonly #rules: CleaningRules
  /** What stays of the batch under way; grows with the largest one. */
  #output: Uint8Array = new Uint8Array(64 * 1024)
  readonly #time: RecordTime = newRecordTime()

  constructor(rules: CleaningRules) {
    this.#rules = rules
  }

  /**
   * The bytes that stay, valid until the next call; `undefined` when none do. `isLast`: the batch says where its
   * segment ends, so that at least its header stays.
   */
  *clean(batch: BatchBytes, isLast: boolean): Task<Uint8Array | undefined> {
    const { transactions, now } = this.#rules
    const endsNothing = batch.isControl && transactions.endsNothing(batch)
    const isOver = (batch.deleteHorizon ?? Number.POSITIVE_INFINITY) <= now
    const isDiscarded = batch.isControl ? endsNothing && isOver : transactions.isAborted(batch)
    const kept = isDiscarded ? undefined : yield* this.#kept(batch, endsNothing)
    if (kept !== undefined) return kept
    return isLast || this.#isLastOfProducer(batch) ? this.#headerAlone(batch) : undefined
  }

  /** Its header stays even without records: a lost checkpoint or snapshot is rebuilt from its sequence or epoch. */
  #isLastOfProducer(batch: BatchBytes): boolean {
    if (batch.producerId < 0) return false
    const producer = this.#rules.producers.get(batch.producerId)
    if (producer === undefined) return false
    if (producer.lastDataOffset >= 0) return batch.lastOffset === producer.lastDataOffset
    return batch.isControl && batch.producerEpoch === producer.producerEpoch
  }

  /** `undefined` if no record stays. */
  *#kept(batch: BatchBytes, endsNothing: boolean): Task<Uint8Array | undefined> {
    if (batch.recordCount === 0) return undefined
    const records = plainRecords(batch, this.#rules.kernel.codecs)
    if (records === undefined) return batch.bytes
    const found = new Kept()
    const parts = new BatchParts(this.#rules.kernel, batch, records)
    for (let keyed = parts.next(); keyed !== undefined; keyed = parts.next()) {
      this.#collectKept(batch, records, keyed, found)
      if (!keyed.isLast) yield* letOthersRun()
    }
    if (found.count === 0) return undefined
    // The first pass that keeps a tombstone, or a marker without records, sets the time from which on it may go
    // (KIP-534).
    const isDue = batch.deleteHorizon === undefined && (found.hasTombstone || endsNothing)
    if (found.count === batch.recordCount && !isDue) return batch.bytes
    return yield* this.#rewritten(batch, records, found, isDue)
  }

  #collectKept(batch: BatchBytes, records: Uint8Array, keyed: KeyedRecords, kept: Kept): void {
    const { baseOffset, isControl } = batch
    for (let index = 0; index < keyed.count; index++) {
      const offset = baseOffset + keyed.offsetDeltaOf(index)
      if (!isControl && !this.#stays(batch, offset, records, keyed, index)) continue
      kept.count++
      kept.hasTombstone ||= keyed.valueLengthOf(index) < 0 && !isControl
      kept.maxTimestamp = Math.max(kept.maxTimestamp, keyed.timestampOf(index))
      kept.add(keyed.startOf(index), keyed.endOf(index))
    }
  }

  #stays(batch: BatchBytes, offset: number, records: Uint8Array, keyed: KeyedRecords, index: number): boolean {
    const { map, mapEnd, keysOf, now } = this.#rules
    if (offset >= mapEnd) return true
    if (keyed.keyLengthOf(index) < 0) return false
    if (keysOf !== undefined) return this.#staysByKeys(offset, keysOfRecord(keysOf, records, keyed, index))
    if (offset < map.getHashed(keyed.hashes, index * HASH_WORDS)) return false
    return keyed.valueLengthOf(index) >= 0 || (batch.deleteHorizon ?? Number.POSITIVE_INFINITY) > now
  }

  #staysByKeys(offset: number, keys: RecordKeys | undefined): boolean {
    const { map } = this.#rules
    if (keys === undefined) return true
    if (offset < map.get(keys.key) || offset < map.get(keys.endKey)) return false
    return !keys.isEnd
  }

  *#rewritten(batch: BatchBytes, records: Uint8Array, kept: Kept, setsHorizon: boolean): Task<Uint8Array> {
    const out = this.#room(BATCH_HEADER_BYTES + records.length + kept.count * VARINT_BYTES_MAX * 2)
    const horizon = Math.min(this.#rules.now + this.#rules.deleteRetentionMs, TIMESTAMP_MAX)
    const plainSize = yield* setsHorizon ? this.#shifted(batch, records, kept, horizon) : copyRuns(records, kept, out)
    const { size, codec } = this.#compressed(batch, plainSize)
    const attributes = (batch.attributes & ~ATTRIBUTE_CODEC) | codec | (setsHorizon ? ATTRIBUTE_DELETE_HORIZON : 0)
    const baseTimestamp = setsHorizon ? horizon : batch.baseTimestamp
    const maxTimestamp = batch.isLogAppendTime ? batch.maxTimestamp : kept.maxTimestamp
    return this.#sealed(batch, { size, attributes, baseTimestamp, maxTimestamp, recordCount: kept.count })
  }

  /** Compresses what stays with the codec that the batch had, unless that would gain nothing. */
  #compressed(batch: BatchBytes, plainSize: number): { readonly size: number; readonly codec: number } {
    const type = compressionOf(batch.attributes)
    if (type === undefined) return { size: plainSize, codec: 0 }
    const squeezed = codecOf(this.#rules.kernel.codecs, type).compress(
      this.#output.subarray(BATCH_HEADER_BYTES, plainSize),
    )
    const size = BATCH_HEADER_BYTES + squeezed.length
    if (size >= plainSize) return { size: plainSize, codec: 0 }
    this.#output.set(squeezed, BATCH_HEADER_BYTES)
    return { size, codec: batch.attributes & ATTRIBUTE_CODEC }
  }

  /** The delete horizon takes the place of the base timestamp, so every record's delta is written anew. */
  *#shifted(batch: BatchBytes, records: Uint8Array, kept: Kept, horizon: number): Task<number> {
    const out = this.#output
    const time = this.#time
    const shift = batch.baseTimestamp - horizon
    let at = BATCH_HEADER_BYTES
    let written = 0
    for (let run = 0; run < kept.runs.length; run += 2) {
      const end = kept.runs[run + 1] as number
      const cursor = new TimeCursor(records, kept.runs[run] as number)
      do {
        cursor.next(time)
        const delta = time.timestampDelta + shift
        const rest = time.end - time.timestampEnd
        at = writeVarint(out, at, 1 + varintBytes(delta) + rest)
        out[at++] = records[time.timestampAt - 1] as number
        at = writeVarint(out, at, delta)
        out.set(records.subarray(time.timestampEnd, time.end), at)
        at += rest
        if (++written % RECORDS_A_TURN === 0) yield* letOthersRun()
      } while (time.end < end)
    }
    return at
  }

  /** Leaves the batch's header of 61 bytes, as Kafka's writeEmptyHeader does. */
  #headerAlone(batch: BatchBytes): Uint8Array {
    if (batch.recordCount === 0) return batch.bytes
    this.#room(BATCH_HEADER_BYTES)
    const attributes = batch.attributes & ~(ATTRIBUTE_CODEC | ATTRIBUTE_DELETE_HORIZON)
    const { maxTimestamp } = batch
    return this.#sealed(batch, {
      size: BATCH_HEADER_BYTES,
      attributes,
      baseTimestamp: -1,
      maxTimestamp,
      recordCount: 0,
    })
  }

  #sealed(batch: BatchBytes, fields: SealFields): Uint8Array {
    const bytes = this.#output.subarray(0, fields.size)
    const view = viewOf(bytes)
    bytes.set(batch.bytes.subarray(0, BATCH_HEADER_BYTES))
    view.setInt32(BATCH_LENGTH_AT, fields.size - LOG_OVERHEAD_BYTES)
    view.setInt16(21, fields.attributes)
    setInt64(view, 27, fields.baseTimestamp)
    setInt64(view, 35, fields.maxTimestamp)
    view.setInt32(57, fields.recordCount)
    view.setUint32(17, this.#rules.kernel.crc32cOf(bytes.subarray(CRC_FROM)))
    return bytes
  }

  #room(sizeBytes: number): Uint8Array {
    if (this.#output.length < sizeBytes) this.#output = new Uint8Array(sizeBytes * 2)
    return this.#output
  }
}

interface SealFields {
  readonly size: number
  readonly attributes: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly recordCount: number
}

/** The records that stay, as ranges of bytes: start and end of each, flat in one list. */
class Kept {
  readonly runs: number[] = []
  count = 0
  hasTombstone = false
  maxTimestamp = -1

  add(start: number, end: number): void {
    if (this.runs.at(-1) === start) this.runs[this.runs.length - 1] = end
    else this.runs.push(start, end)
  }
}

function* copyRuns(records: Uint8Array, { runs }: Kept, out: Uint8Array): Task<number> {
  let at = BATCH_HEADER_BYTES
  for (let run = 0; run < runs.length; run += 2) {
    if (run > 0 && run % RECORDS_A_TURN === 0) yield* letOthersRun()
    const part = records.subarray(runs[run] as number, runs[run + 1] as number)
    out.set(part, at)
    at += part.length
  }
  return at
}
