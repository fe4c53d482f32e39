import type { Kernel, KeyedParts, KeyedRecords } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { BatchBytes } from './batch-bytes.ts'

/** The records of a batch, as many at a time as one turn of the event loop has time for. */
export class BatchParts {
  readonly #parts: KeyedParts
  readonly #baseOffset: number

  /** `records`: the batch's records, decompressed. */
  constructor({ batchReader }: Pick<Kernel, 'batchReader'>, batch: BatchBytes, records: Uint8Array) {
    this.#parts = batchReader.keyedParts(batch.bytes, records)
    this.#baseOffset = batch.baseOffset
  }

  /** The next records, valid until the kernel is used again. CORRUPT_MESSAGE for bytes that are no records. */
  next(): KeyedRecords | undefined {
    const part = this.#parts.next()
    if (typeof part !== 'string') return part
    const message = `the batch at offset ${this.#baseOffset} holds records that are none: ${part}`
    throw new LogError('CORRUPT_MESSAGE', message, { offset: this.#baseOffset, fault: part })
  }
}
