import type { RecordBatch } from '../records.ts'
import type { ConsumedRecord } from './consumed-record.ts'

/** Records of one partition that were handed out together. */
export class DeliveredBatch implements RecordBatch {
  readonly topic: string
  readonly partition: number
  readonly baseOffset: number
  readonly nextOffset: number
  readonly generation: number
  readonly #records: readonly ConsumedRecord[]

  constructor(records: readonly ConsumedRecord[], nextOffset: number, generation: number) {
    const first = records[0]
    this.topic = first?.topic ?? ''
    this.partition = first?.partition ?? 0
    this.baseOffset = first?.offset ?? nextOffset
    this.nextOffset = nextOffset
    this.generation = generation
    this.#records = records
  }

  get size(): number {
    return this.#records.length
  }

  [Symbol.iterator](): Iterator<never> {
    return this.#records[Symbol.iterator]() as Iterator<never>
  }
}
