import { LogError } from '../../model/errors.ts'
import { type PartitionQueue, surelyFits } from './partition-queue.ts'
import { cuts, loneBatchBytes } from './record-size.ts'
import type { Placed } from './send-result.ts'
import type { TopicRules } from './topic-rules.ts'
import type { CheckedRecord } from './validate-record.ts'

/** The records of one call that go to one partition, in their order. */
export class Group {
  readonly queue: PartitionQueue
  readonly maxBytes: number
  readonly records: CheckedRecord[]
  /** Their places in the call; `undefined` for all of it. */
  readonly indexes: number[] | undefined
  sizeBytes = 0

  constructor(queue: PartitionQueue, rules: TopicRules, records: CheckedRecord[], indexes: number[] | undefined) {
    this.queue = queue
    this.maxBytes = Math.min(rules.maxMessageBytes, rules.segmentBytes)
    this.records = records
    this.indexes = indexes
  }

  /** A whole call to one partition, the usual case in bulk: its list is taken over. */
  static ofAll(queue: PartitionQueue, rules: TopicRules, records: CheckedRecord[]): Group {
    const group = new Group(queue, rules, records, undefined)
    for (const { sizeBytes } of records) group.sizeBytes += sizeBytes
    return group
  }

  add(record: CheckedRecord, index: number): void {
    this.records.push(record)
    this.indexes?.push(index)
    this.sizeBytes += record.sizeBytes
  }

  /** Into one batch; into several only if one can't hold them. */
  place(placed: Placed[]): void {
    const { records, indexes, sizeBytes } = this
    if (surelyFits(sizeBytes, this.maxBytes)) return this.#placePart(placed, records, indexes, sizeBytes)
    const all = indexes ?? records.map((_, index) => index)
    let from = 0
    for (const to of [...cuts(records, this.maxBytes), records.length]) {
      const part = records.slice(from, to)
      const partBytes = part.reduce((sum, record) => sum + record.sizeBytes, 0)
      this.#placePart(placed, part, all.slice(from, to), partBytes)
      from = to
    }
  }

  #placePart(placed: Placed[], records: CheckedRecord[], indexes: number[] | undefined, sizeBytes: number): void {
    const { topic, partition } = this.queue
    const count = records.length
    const { batch, at } = this.queue.add(records, sizeBytes, this.maxBytes)
    placed.push({ topic, partition, batch, firstIndex: at, indexes, records, count })
  }
}

/** The records by their queue, each in the order of the call. */
export function grouped(
  records: readonly CheckedRecord[],
  queues: readonly PartitionQueue[],
  ruleOf: (topic: string) => TopicRules,
): Iterable<Group> {
  const groups = new Map<PartitionQueue, Group>()
  records.forEach((record, index) => {
    const queue = queues[index] as PartitionQueue
    let group = groups.get(queue)
    if (group === undefined) {
      group = new Group(queue, ruleOf(queue.topic), [], [])
      groups.set(queue, group)
    }
    group.add(record, index)
  })
  return groups.values()
}

/** MESSAGE_TOO_LARGE or RECORD_LIST_TOO_LARGE for a record that no batch of its topic can hold, before anything is sent. */
export function refuseTooLarge(
  record: CheckedRecord,
  index: number,
  topic: string,
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
