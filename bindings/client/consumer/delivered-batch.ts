import type { FetchedBatch } from '../../broker/reader-session.ts'
import { LogError } from '../../model/errors.ts'
import type { TopicPartition } from '../../model/positions.ts'
import type { RecordBatch } from '../records.ts'
import { ConsumedRecord, type RecordSource } from './consumed-record.ts'

/** Records of one fetched batch, by index. */
export interface RecordRange {
  readonly batch: FetchedBatch
  readonly from: number
  readonly end: number
}

/** Records of one partition that were handed out together. Each is made when an iteration comes to it. */
export class DeliveredBatch implements RecordBatch {
  readonly topic: string
  readonly partition: number
  readonly baseOffset: number
  readonly nextOffset: number
  readonly size: number
  readonly generation: number
  readonly #source: RecordSource
  readonly #ranges: readonly RecordRange[]

  constructor(source: RecordSource, ranges: readonly RecordRange[], nextOffset: number, generation: number) {
    const first = ranges[0]
    this.topic = source.topic
    this.partition = source.partition
    this.baseOffset = first?.batch.offsetOf(first.from) ?? nextOffset
    this.nextOffset = nextOffset
    this.size = ranges.reduce((size, { from, end }) => size + end - from, 0)
    this.generation = generation
    this.#source = source
    this.#ranges = ranges
  }

  /** Static, because the batch's public type doesn't have it. */
  static heldAtDelivery(batch: DeliveredBatch): TopicPartition | undefined {
    return batch.#source.held
  }

  /** Its first records as a batch that the same member holds; not in the batch's public type. */
  first(count: number): DeliveredBatch {
    const ranges: RecordRange[] = []
    let left = count
    for (const { batch, from, end } of this.#ranges) {
      const cut = Math.min(end, from + left)
      if (cut > from) ranges.push({ batch, from, end: cut })
      left -= cut - from
      if (cut < end) return new DeliveredBatch(this.#source, ranges, batch.offsetOf(cut), this.generation)
    }
    return this
  }

  [Symbol.iterator](): Iterator<never> {
    return new BatchIterator(this.#source, this.#ranges) as Iterator<never>
  }
}

function loanOver({ topic, partition }: RecordSource): LogError {
  const message = `a batch of ${topic}-${partition} was borrowed, and the next one was asked for`
  return new LogError('INVALID_REQUEST', message, { topic, partition })
}

/** Written by hand: a generator costs more for each record than the record does. */
class BatchIterator implements Iterator<ConsumedRecord> {
  readonly #source: RecordSource
  readonly #ranges: readonly RecordRange[]
  #range = 0
  #index: number

  constructor(source: RecordSource, ranges: readonly RecordRange[]) {
    this.#source = source
    this.#ranges = ranges
    this.#index = ranges[0]?.from ?? 0
  }

  next(): IteratorResult<ConsumedRecord, undefined> {
    const range = this.#ranges[this.#range]
    let value: ConsumedRecord | undefined
    if (range !== undefined) {
      if (this.#source.loan?.isOver === true) throw loanOver(this.#source)
      value = new ConsumedRecord(range.batch, this.#index++, this.#source)
      if (this.#index >= range.end) this.#index = this.#ranges[++this.#range]?.from ?? 0
    }
    // Made in one place, so that the engine makes no object of it.
    return { done: range === undefined, value } as IteratorResult<ConsumedRecord, undefined>
  }
}
