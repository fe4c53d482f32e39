import type { AppendResult } from '../../broker/producer-session.ts'
import { type PackedRecords, recordCountOf } from '../../model/batch-records.ts'
import type { CompressedRecords, CompressionType } from '../../model/compression.ts'
import type { Cut } from './cut-by-size.ts'
import type { SendPart } from './send-part.ts'
import type { CheckedRecord } from './validate-record.ts'

/**
 * Where a batch is once it has its sequence:
 * - `asked`: the log has it, no answer yet;
 * - `held`: certainly unwritten, because something before it is missing;
 * - `again`: the answer left open whether it is written, so it will be asked for again under the same sequence, after a
 *   wait;
 * - `due`: its wait is over, and a batch before it is unanswered.
 */
export type BatchState = 'asked' | 'held' | 'again' | 'due'

/** Records that go out to one partition in one batch: parts of one send or of several. */
export class PendingBatch {
  records: CheckedRecord[]
  sizeBytes: number
  readonly parts: SendPart[]
  /** The codec of the batch; all its records have the same. */
  readonly compression: CompressionType | undefined
  /**
   * The compressed records, which retries use too. They are compressed again only if the batch certainly wasn't written
   * and has grown.
   */
  compressed: CompressedRecords | undefined
  /** The timestamp that was given to compressed records without one. */
  stampedAt: number | undefined
  state: BatchState = 'asked'
  /** How often an answer left open whether the batch is written. */
  asksAgain = 0
  /**
   * Whether the batch was refused as out of order though nothing before it was missing. A new epoch mends that, and is
   * tried once.
   */
  hadNewEpoch = false
  producerEpoch = -1
  baseSequence = -1
  /** How many batches of its partition got their sequence before it. */
  ordinal = -1
  /**
   * Whether the log encoded the records while their program still held them: then there is nothing here to send again.
   */
  readonly isHandedOver: boolean
  /** The packed records, in place of `records`. Nothing joins them: they are a batch by themselves. */
  readonly packed: PackedRecords | undefined

  /**
   * Takes over the list of its first part. `uncopied`: how the records came here if they were never copied one by one.
   */
  constructor(
    first: SendPart,
    compression: CompressionType | undefined,
    uncopied: PackedRecords | 'handed over' | undefined = undefined,
  ) {
    this.isHandedOver = uncopied === 'handed over'
    this.packed = uncopied === 'handed over' ? undefined : uncopied
    this.records = first.records
    this.sizeBytes = first.sizeBytes
    this.parts = [first]
    this.compression = compression
  }

  get recordCount(): number {
    return this.packed === undefined ? this.records.length : recordCountOf(this.packed)
  }

  join(part: SendPart): void {
    part.firstIndex = this.records.length
    for (const record of part.records) this.records.push(record)
    this.sizeBytes += part.sizeBytes
    this.parts.push(part)
  }

  written(result: AppendResult): void {
    for (const part of this.parts) part.written(result)
  }

  failed(error: unknown): void {
    for (const part of this.parts) part.failed(error)
  }

  /** Returns a batch for each part, so that no part is refused because of the records of another. */
  split(): PendingBatch[] {
    return this.parts.map((part) => {
      part.records = this.records.slice(part.firstIndex, part.firstIndex + part.count)
      part.firstIndex = 0
      return this.#inItsPlace(part)
    })
  }

  /** Returns a batch for each of these runs of its records, which are those of its only part. */
  cut(records: readonly CheckedRecord[], cuts: readonly Cut[]): PendingBatch[] {
    return this.parts.flatMap((part) => part.cut(records, cuts).map((each) => this.#inItsPlace(each)))
  }

  #inItsPlace(part: SendPart): PendingBatch {
    const batch = new PendingBatch(part, this.compression)
    batch.state = 'held'
    batch.ordinal = this.ordinal
    return batch
  }
}
