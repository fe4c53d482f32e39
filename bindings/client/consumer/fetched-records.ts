import type { FetchedBatch, FetchedPartition, WholeBatch } from '../../broker/reader-session.ts'
import type { BatchOptions } from '../batch-options.ts'
import { ConsumedRecord, type Loan, type RecordSource } from './consumed-record.ts'
import { DeliveredBatch, type RecordRange } from './delivered-batch.ts'

/** Records that were fetched from one partition and aren't delivered yet. */
export class FetchedRecords {
  readonly topic: string
  readonly partition: number
  /** The offset after its last record, where the next fetch begins. */
  readonly endOffset: number
  readonly #source: RecordSource
  readonly #batches: readonly WholeBatch[]
  readonly #limitOffset: number
  #batch = 0
  #index = 0
  #end = 0

  /** Takes the records from `fromOffset` on and below `limitOffset`. Batches come whole, as in Kafka. */
  constructor(fetched: FetchedPartition, source: RecordSource, fromOffset: number, limitOffset: number) {
    this.topic = source.topic
    this.partition = source.partition
    this.endOffset = Math.min(fetched.nextOffset, limitOffset)
    this.#source = source
    this.#batches = fetched.batches
    this.#limitOffset = limitOffset
    this.#enter(0, fromOffset)
  }

  /** Moves on to the first batch, from index `batch` on, that has a record to deliver. */
  #enter(batch: number, fromOffset: number): void {
    this.#batch = batch
    for (; this.#batch < this.#batches.length; this.#batch++) {
      const next = this.#batches[this.#batch] as FetchedBatch
      this.#index = next.baseOffset >= fromOffset ? 0 : firstAt(next, fromOffset)
      this.#end = next.nextOffset <= this.#limitOffset ? next.recordCount : firstAt(next, this.#limitOffset)
      if (this.#index < this.#end) return
    }
  }

  get isEmpty(): boolean {
    return this.#batch >= this.#batches.length
  }

  /** Where reading goes on if nothing more of these is delivered. */
  get nextOffset(): number {
    return this.#batches[this.#batch]?.offsetOf(this.#index) ?? this.endOffset
  }

  /** The next record. There must be one. */
  next(): ConsumedRecord {
    const record = new ConsumedRecord(this.#batches[this.#batch] as FetchedBatch, this.#index, this.#source)
    this.#skip(1)
    return record
  }

  /**
   * The next records together, within the limits as a fetch is: it may have asked for more than this iteration does.
   * There must be one at least.
   */
  nextBatch(limits: Readonly<Record<keyof BatchOptions, number>>, generation: number, loan?: Loan): DeliveredBatch {
    const ranges: RecordRange[] = []
    let { maxRecords: records, maxBytes: bytes } = limits
    for (let batch = this.#batches[this.#batch]; batch !== undefined; batch = this.#batches[this.#batch]) {
      if (records <= 0 || bytes <= 0) break
      const end = Math.min(this.#end, this.#index + records)
      ranges.push({ batch, from: this.#index, end })
      records -= end - this.#index
      bytes -= batch.plainBytes
      this.#skip(end - this.#index)
    }
    const { topic, partition, decoder, held } = this.#source
    // Not by spreading, which would give these objects many shapes and make every record slow.
    const source = loan === undefined ? this.#source : { topic, partition, decoder, held, loan }
    return new DeliveredBatch(source, ranges, this.nextOffset, generation)
  }

  #skip(count: number): void {
    this.#index += count
    if (this.#index >= this.#end) this.#enter(this.#batch + 1, 0)
  }
}

/** Index of the first record at or above `offset`. */
function firstAt(batch: FetchedBatch, offset: number): number {
  let low = 0
  let high = batch.recordCount
  while (low < high) {
    const middle = (low + high) >>> 1
    if (batch.offsetOf(middle) < offset) low = middle + 1
    else high = middle
  }
  return low
}
