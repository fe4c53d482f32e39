import type { AppendResult } from '../../broker/producer-session.ts'
import { type PackedRecords, recordCountOf } from '../../model/batch-records.ts'
import type { CompressedRecords, CompressionType } from '../../model/compression.ts'
import type { SendPart } from './send-part.ts'
import type { CheckedRecord } from './validate-record.ts'

/**
 * Where a batch is once it has its sequence:
 * - `asked`: the log has it, no answer yet;
 * - `held`: certainly unwritten, because something before it is missing;
 * - `again`: the answer left open whether it is written, so it will be asked for again under the same sequence.
 */
export type BatchState = 'asked' | 'held' | 'again'

/** Records that go out together to one partition: parts of one send or of several. */
export class PendingBatch {
  records: CheckedRecord[]
  sizeBytes: number
  readonly parts: SendPart[]
  /** The codec of the batch; all its records have the same. */
  readonly compression: CompressionType | undefined
  /**
   * The compressed records, for retries too. Compressed again only if the batch certainly wasn't written and has grown.
   */
  compressed: CompressedRecords | undefined
  /** The timestamp that compressed records without one were given. */
  stampedAt: number | undefined
  state: BatchState = 'asked'
  /** How often an answer left open whether the batch is written. */
  asksAgain = 0
  /** It was refused as out of order though nothing before it was missing. A new epoch mends that, and is tried once. */
  hadNewEpoch = false
  producerEpoch = -1
  baseSequence = -1
  /** How many batches of its partition got their sequence before it. */
  ordinal = -1
  /** The log encoded its records while their program still held them: here is nothing to ask again with. */
  readonly isHandedOver: boolean
  /** Its records, in place of `records`. Nothing joins them: they are a batch by themselves. */
  readonly packed: PackedRecords | undefined

  /** Takes over the list of its first part. `uncopied`: where its program's records were never copied one by one. */
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

  /** A batch for each part, so that no part is refused for the records of another. */
  split(): PendingBatch[] {
    return this.parts.map((part) => {
      part.records = this.records.slice(part.firstIndex, part.firstIndex + part.count)
      part.firstIndex = 0
      const alone = new PendingBatch(part, this.compression)
      alone.state = 'held'
      alone.ordinal = this.ordinal
      return alone
    })
  }
}
