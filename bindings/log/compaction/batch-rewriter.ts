import type { Kernel } from '../../kernel/kernel.ts'
import { allocate } from '../../model/allocate.ts'
import { BATCH_HEADER_BYTES, BATCH_LENGTH_AT, LOG_OVERHEAD_BYTES } from '../../model/batch-format.ts'
import { ATTRIBUTE_CODEC, codecOf, compressionOf, DECOMPRESSED_BYTES_MAX } from '../../model/compression.ts'
import { varintBytes } from '../../model/varint.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'
import { viewOf } from '../segment/batch-head.ts'
import {
  ATTRIBUTE_DELETE_HORIZON,
  type BatchBytes,
  newRecordTime,
  type RecordTime,
  setInt64,
  TimeCursor,
  writeVarint,
} from './batch-bytes.ts'
import type { KeptRecords } from './kept-records.ts'

const CRC_FROM = 21
const VARINT_BYTES_MAX = 10
/** Records that are rewritten in one turn of the event loop. */
const RECORDS_A_TURN = 1024

/**
 * Writes what stays of a batch; the result is valid until the next one. Offsets never change: a batch keeps its first
 * and its last offset, its producer and its sequences, whichever of its records are removed.
 */
export class BatchRewriter {
  readonly #kernel: Pick<Kernel, 'crc32cOf' | 'codecs'>
  /** Grows with the largest batch. */
  #output: Uint8Array = new Uint8Array(64 * 1024)
  readonly #time: RecordTime = newRecordTime()

  constructor(kernel: Pick<Kernel, 'crc32cOf' | 'codecs'>) {
    this.#kernel = kernel
  }

  /**
   * The batch with only these of its records. `horizon`: if it is to be set, the time from which on its tombstones may
   * be removed.
   */
  *rewrite(batch: BatchBytes, records: Uint8Array, kept: KeptRecords, horizon: number | undefined): Task<Uint8Array> {
    const out = this.#room(BATCH_HEADER_BYTES + records.length + kept.count * VARINT_BYTES_MAX * 2)
    const plainSize = yield* horizon === undefined
      ? copyRuns(records, kept, out)
      : this.#shifted(batch, records, kept, horizon)
    const { size, codec } = this.#compressed(batch, plainSize)
    const horizonBit = horizon === undefined ? 0 : ATTRIBUTE_DELETE_HORIZON
    const attributes = (batch.attributes & ~ATTRIBUTE_CODEC) | codec | horizonBit
    const baseTimestamp = horizon ?? batch.baseTimestamp
    const maxTimestamp = batch.isLogAppendTime ? batch.maxTimestamp : kept.maxTimestamp
    return this.#sealed(batch, { size, attributes, baseTimestamp, maxTimestamp, recordCount: kept.count })
  }

  /**
   * Compresses what stays with the codec that the batch had, unless that would gain nothing, or the records have become
   * more than a reader decompresses.
   */
  #compressed(batch: BatchBytes, plainSize: number): { readonly size: number; readonly codec: number } {
    const type = compressionOf(batch.attributes)
    const isTooLarge = plainSize > BATCH_HEADER_BYTES + DECOMPRESSED_BYTES_MAX
    if (type === undefined || isTooLarge) return { size: plainSize, codec: 0 }
    const squeezed = codecOf(this.#kernel.codecs, type).compress(this.#output.subarray(BATCH_HEADER_BYTES, plainSize))
    const size = BATCH_HEADER_BYTES + squeezed.length
    if (size >= plainSize) return { size: plainSize, codec: 0 }
    this.#output.set(squeezed, BATCH_HEADER_BYTES)
    return { size, codec: batch.attributes & ATTRIBUTE_CODEC }
  }

  /** The delete horizon takes the place of the base timestamp, so every record's delta is written anew. */
  *#shifted(batch: BatchBytes, records: Uint8Array, kept: KeptRecords, horizon: number): Task<number> {
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
  headerAlone(batch: BatchBytes): Uint8Array {
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
    view.setUint32(17, this.#kernel.crc32cOf(bytes.subarray(CRC_FROM)))
    return bytes
  }

  #room(sizeBytes: number): Uint8Array {
    if (this.#output.length < sizeBytes) this.#output = allocate(sizeBytes * 2)
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

function* copyRuns(records: Uint8Array, { runs }: KeptRecords, out: Uint8Array): Task<number> {
  let at = BATCH_HEADER_BYTES
  for (let run = 0; run < runs.length; run += 2) {
    if (run > 0 && run % RECORDS_A_TURN === 0) yield* letOthersRun()
    const part = records.subarray(runs[run] as number, runs[run + 1] as number)
    out.set(part, at)
    at += part.length
  }
  return at
}
