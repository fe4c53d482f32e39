import { LogError } from '../../model/errors.ts'
import type { ProducerRecord } from '../producer-record.ts'
import { type PartitionQueue, surelyFits } from './partition-queue.ts'
import { cuts, loneBatchBytes } from './record-size.ts'
import type { Placed } from './send-result.ts'
import type { TopicRules } from './topic-rules.ts'
import type { CheckedRecord } from './validate-record.ts'

/** The records of one call that go to one partition, in their order. */
export class Group {
  readonly queue: PartitionQueue
  readonly maxBytes: number
  readonly records: CheckedRecord[] = []
  /** Their places in the call. */
  readonly indexes: number[] = []
  sizeBytes = 0

  constructor(queue: PartitionQueue, { maxMessageBytes, segmentBytes }: TopicRules) {
    this.queue = queue
    this.maxBytes = Math.min(maxMessageBytes, segmentBytes)
  }

  add(record: CheckedRecord, index: number): void {
    this.records.push(record)
    this.indexes.push(index)
    this.sizeBytes += record.sizeBytes
  }

  /** Into one batch; into several only if one can't hold them. */
  place(placed: Placed[]): void {
    if (surelyFits(this.sizeBytes, this.maxBytes)) return this.#placePart(placed, 0, this.records.length)
    let from = 0
    for (const to of [...cuts(this.records, this.maxBytes), this.records.length]) {
      this.#placePart(placed, from, to)
      from = to
    }
  }

  #placePart(placed: Placed[], from: number, to: number): void {
    const isWhole = to - from === this.records.length
    const records = isWhole ? this.records : this.records.slice(from, to)
    const indexes = isWhole ? this.indexes : this.indexes.slice(from, to)
    let sizeBytes = isWhole ? this.sizeBytes : 0
    if (!isWhole) for (const record of records) sizeBytes += record.sizeBytes
    const { topic, partition } = this.queue
    const { batch, at } = this.queue.add(records, sizeBytes, this.maxBytes)
    placed.push({ topic, partition, batch, firstIndex: at, indexes, records })
  }
}

/** MESSAGE_TOO_LARGE or RECORD_LIST_TOO_LARGE for a record that no batch of its topic can hold, before anything is sent. */
export function refuseTooLarge(
  record: CheckedRecord,
  index: number,
  { topic }: ProducerRecord,
  { maxMessageBytes, segmentBytes }: TopicRules,
): void {
  if (surelyFits(record.sizeBytes, Math.min(maxMessageBytes, segmentBytes))) return
  const sizeBytes = loneBatchBytes(record)
  const details = { topic, index, sizeBytes, maxMessageBytes, segmentBytes }
  if (sizeBytes > maxMessageBytes) {
    const message = `record ${index} makes a batch of ${sizeBytes} bytes, max.message.bytes of "${topic}" is ${maxMessageBytes}`
    throw new LogError('MESSAGE_TOO_LARGE', message, details)
  }
  if (sizeBytes > segmentBytes) {
    const message = `record ${index} makes a batch of ${sizeBytes} bytes, segment.bytes of "${topic}" is ${segmentBytes}`
    throw new LogError('RECORD_LIST_TOO_LARGE', message, details)
  }
}
