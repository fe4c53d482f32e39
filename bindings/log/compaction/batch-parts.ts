import type { Kernel, KeyedParts, KeyedRecords } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import type { TopicPartition } from '../../model/positions.ts'
import type { BatchBytes } from './batch-bytes.ts'

/** The records of a batch, as many at a time as one turn of the event loop has time for. */
export class BatchParts {
  readonly #parts: KeyedParts
  readonly #at: TopicPartition
  readonly #baseOffset: number

  /** `at`: the batch's partition. `records`: its records, decompressed. */
  constructor(
    { batchReader }: Pick<Kernel, 'batchReader'>,
    at: TopicPartition,
    batch: BatchBytes,
    records: Uint8Array,
  ) {
    this.#parts = batchReader.keyedParts(batch.bytes, records)
    this.#at = at
    this.#baseOffset = batch.baseOffset
  }

  /** The next records, valid until the kernel is used again. CORRUPT_MESSAGE for bytes that are no records. */
  next(): KeyedRecords | undefined {
    const part = this.#parts.next()
    if (typeof part !== 'string') return part
    const { topic, partition } = this.#at
    const offset = this.#baseOffset
    const message = `${topic}-${partition} can't be compacted: its batch at offset ${offset} holds no records: ${part}`
    throw new LogError('CORRUPT_MESSAGE', message, { topic, partition, offset, fault: part })
  }
}
