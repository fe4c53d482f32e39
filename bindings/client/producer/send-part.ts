import type { AppendResult } from '../../broker/broker.ts'
import type { RecordMetadata } from '../producer-record.ts'
import type { CheckedRecord } from './validate-record.ts'

/** Who sent a part. */
export interface PartOwner {
  /** Its bytes are free again. */
  settled(part: SendPart): void
}

/** The records of one send that go to one partition, in one batch. */
export class SendPart {
  readonly topic: string
  readonly partition: number
  /** A batch may take the list over and add to it: only the first `count` are of this part. */
  records: CheckedRecord[]
  readonly count: number
  readonly sizeBytes: number
  /** Places of its records in the call; `undefined` where it is the whole call. */
  readonly indexes: readonly number[] | undefined
  readonly owner: PartOwner
  /** Place of its first record in the batch. */
  firstIndex = 0
  /** Its place in what its owner keeps of it. */
  unsettledAt = -1
  /** Where its records were written, in their order. */
  readonly answered: Promise<readonly RecordMetadata[]>
  #resolve!: (metadata: readonly RecordMetadata[]) => void
  #reject!: (error: unknown) => void

  constructor(
    { topic, partition }: { readonly topic: string; readonly partition: number },
    records: CheckedRecord[],
    sizeBytes: number,
    indexes: readonly number[] | undefined,
    owner: PartOwner,
  ) {
    this.topic = topic
    this.partition = partition
    this.records = records
    this.count = records.length
    this.sizeBytes = sizeBytes
    this.indexes = indexes
    this.owner = owner
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  written({ baseOffset, appendTime, isLogAppendTime }: AppendResult): void {
    const { topic, partition, firstIndex, records, count } = this
    const firstOffset = baseOffset < 0 ? -1 : baseOffset + firstIndex
    const metadata = new Array<RecordMetadata>(count)
    for (let at = 0; at < count; at++) {
      const offset = firstOffset < 0 ? -1 : firstOffset + at
      const timestamp = isLogAppendTime ? appendTime : (records[at]?.timestamp ?? appendTime)
      metadata[at] = { topic, partition, offset, timestamp }
    }
    this.#resolve(metadata)
    this.owner.settled(this)
  }

  failed(error: unknown): void {
    this.#reject(error)
    this.owner.settled(this)
  }
}
