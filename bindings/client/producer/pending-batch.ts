import type { AppendResult } from '../../broker/broker.ts'
import type { CompressedRecords, CompressionType } from '../../model/compression.ts'
import type { CheckedRecord } from './validate-record.ts'

/**
 * Where a batch is once it has its sequence:
 * - `asked`: the log has it, no answer yet;
 * - `held`: certainly unwritten, because something before it is missing;
 * - `again`: the answer left open whether it is written, so it will be asked for again under the same sequence.
 */
export type BatchState = 'asked' | 'held' | 'again'

/** Records that go out together to one partition, answered together by one promise. */
export class PendingBatch {
  records: CheckedRecord[] = []
  sizeBytes = 0
  /** What its records are compressed with, all of one batch alike. */
  compression: CompressionType | undefined
  /** Compressed once, for retries too; again only if it certainly wasn't written and grew. */
  compressed: CompressedRecords | undefined
  /** The time that compressed records without one were given. */
  stampedAt: number | undefined
  state: BatchState = 'asked'
  /** How often the answer left open whether it is written. */
  asksAgain = 0
  /** It was out of order with nothing missing before it: once, a new epoch mends that. */
  hadNewEpoch = false
  producerEpoch = -1
  baseSequence = -1
  readonly answered: Promise<AppendResult>
  resolve!: (result: AppendResult) => void
  reject!: (error: unknown) => void

  constructor() {
    this.answered = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }
}
