import type { FetchedPartition } from '../../broker/broker.ts'
import { ConsumedRecord, type Decoder } from './consumed-record.ts'

/** What was fetched of one partition and not delivered yet. */
export class FetchedRecords {
  readonly topic: string
  readonly partition: number
  /** After its last record: where to fetch next. */
  readonly endOffset: number
  readonly #fetched: FetchedPartition
  readonly #decoder: Decoder
  readonly #generation: number
  #batch = 0
  #index = 0
  /** The next record to deliver is at or above it. */
  #nextOffset: number

  constructor(fetched: FetchedPartition, decoder: Decoder, fromOffset: number, generation: number) {
    this.topic = fetched.topic
    this.partition = fetched.partition
    this.endOffset = fetched.nextOffset
    this.#fetched = fetched
    this.#decoder = decoder
    this.#generation = generation
    this.#nextOffset = fromOffset
    this.#skip()
  }

  /** Records below the asked offset stand in the first batch, as in Kafka: they are passed over. */
  #skip(): void {
    for (;;) {
      const batch = this.#fetched.batches[this.#batch]
      if (batch === undefined) return
      while (this.#index < batch.recordCount && batch.offsetOf(this.#index) < this.#nextOffset) this.#index++
      if (this.#index < batch.recordCount) return
      this.#batch++
      this.#index = 0
    }
  }

  get isEmpty(): boolean {
    return this.#fetched.batches[this.#batch] === undefined
  }

  /** Where reading goes on when nothing more of this is delivered. */
  get nextOffset(): number {
    const batch = this.#fetched.batches[this.#batch]
    return batch === undefined ? this.endOffset : batch.offsetOf(this.#index)
  }

  next(): ConsumedRecord | undefined {
    const batch = this.#fetched.batches[this.#batch]
    if (batch === undefined) return undefined
    const record = new ConsumedRecord(batch, this.#index, this.partition, this.#decoder, this.#generation)
    this.#index++
    if (this.#index >= batch.recordCount) {
      this.#batch++
      this.#index = 0
    }
    return record
  }
}
