import type { CompressionType } from '../../model/compression.ts'
import { LogError } from '../../model/errors.ts'
import type { ProducerRecord } from '../producer-record.ts'
import { copyOf } from '../record-fields.ts'
import { cutBySize } from './cut-by-size.ts'
import type { PartitionQueue } from './partition-queue.ts'
import { assertPartition } from './partitioner.ts'
import type { PendingSend } from './pending-send.ts'
import type { Compression } from './producer-options.ts'
import { loneBatchBytes } from './record-size.ts'
import { type PartOwner, SendPart } from './send-part.ts'
import { surelyFits } from './size-bounds.ts'
import type { TopicRules } from './topic-rules.ts'
import { type CheckedRecord, checkRecord, topicOf } from './validate-record.ts'

/** What a producer knows of the places where its records may go. */
export interface Places {
  /** Returns the topic's rules; `undefined` if they aren't known without waiting. */
  rules(topic: string): TopicRules | undefined
  partition(record: ProducerRecord, sizeBytes: number, partitions: number): number
  /** See `onlyChoice` of Partitioner. */
  onlyPartition(record: ProducerRecord, partitions: number): number | undefined
  queue(topic: string, partition: number): PartitionQueue
  /** Returns the topic's compression, else the call's, else the producer's. Throws UNSUPPORTED_COMPRESSION_TYPE. */
  compression(rules: TopicRules, ofCall: Compression | undefined): CompressionType | undefined
}

/** The records of one call that go to one partition, in their order. */
class RecordGroup {
  queue: PartitionQueue
  readonly #maxBytes: number
  readonly #compression: CompressionType | undefined
  /** The records. Hot path: the list has its final length from the start, as far as that is known. */
  readonly #records: CheckedRecord[]
  #count = 0
  /** The positions of the records in the call; `undefined` if the group is the whole call. */
  #indexes: number[] | undefined
  #sizeBytes = 0

  constructor(
    queue: PartitionQueue,
    rules: TopicRules,
    compression: CompressionType | undefined,
    indexes: number[] | undefined,
    expectedCount: number,
  ) {
    this.#records = new Array<CheckedRecord>(expectedCount)
    this.queue = queue
    this.#compression = compression
    this.#maxBytes = Math.min(rules.maxMessageBytes, rules.segmentBytes)
    this.#indexes = indexes
  }

  add(record: CheckedRecord, index: number): void {
    this.#records[this.#count++] = record
    this.#indexes?.push(index)
    this.#sizeBytes += record.sizeBytes
  }

  /** Turns the group, which was the whole call, into a part of the call. */
  becomePart(): void {
    this.#indexes = Array.from({ length: this.#count }, (_, index) => index)
  }

  /** Puts each record at its position in the call. */
  spread(read: CheckedRecord[]): void {
    for (let at = 0; at < this.#count; at++) read[this.#indexes?.[at] ?? at] = this.#records[at] as CheckedRecord
  }

  /** Whether one batch can't hold the group. */
  get isCut(): boolean {
    return !surelyFits(this.#sizeBytes, this.#maxBytes) && cutBySize(this.#whole(), this.#maxBytes).length > 1
  }

  #whole(): CheckedRecord[] {
    const records = this.#records
    if (records.length > this.#count) records.length = this.#count
    return records
  }

  /** Puts the group into one batch, or into several if one can't hold it. */
  enqueue(parts: SendPart[], owner: PartOwner, send: PendingSend): void {
    const records = this.#whole()
    this.queue = this.queue.inUse
    if (surelyFits(this.#sizeBytes, this.#maxBytes)) {
      const indexes = this.#indexes ?? 0
      return this.#enqueuePart(parts, new SendPart(this.queue, records, this.#sizeBytes, indexes, owner, send))
    }
    for (const { from, to } of cutBySize(records, this.#maxBytes)) {
      const cut = records.slice(from, to)
      const sizeBytes = cut.reduce((sum, record) => sum + record.sizeBytes, 0)
      const indexes = this.#indexes?.slice(from, to) ?? from
      this.#enqueuePart(parts, new SendPart(this.queue, cut, sizeBytes, indexes, owner, send))
    }
  }

  #enqueuePart(parts: SendPart[], part: SendPart): void {
    this.queue.add(part, this.#maxBytes, this.#compression)
    parts.push(part)
  }
}

/**
 * Where the records of one `send` go. Hot path: each record is looked at once, checked, copied and given its partition.
 * No queue is changed before `enqueue`.
 */
export class SendPlan {
  sizeBytes = 0
  /** Whether the log is to be asked for the rules of every topic, whatever is known of them. */
  asksAnew = false
  /** Whether it was refused, or cut, by rules that may be outdated: the log is asked before it is placed again. */
  isByOutdatedRules = false
  #first: RecordGroup | undefined
  /** The groups by queue, used as soon as there is more than one. */
  #groups: Map<PartitionQueue, RecordGroup> | undefined
  readonly #compression: Compression | undefined
  /**
   * The records that were read, at their positions in the call. An iterable of headers may give them only once, so no
   * record is read again.
   */
  #read: CheckedRecord[] | undefined

  /** `compression` is the option of this call. `read` has the call's first records, where those were read. */
  constructor(compression?: Compression | undefined, read?: CheckedRecord[] | undefined) {
    this.#compression = compression
    this.#read = read
  }

  /**
   * Gives each record its partition. Returns false if too little is known of a topic: then call it again with the
   * copies, once that is known. It may be called again after a refusal by outdated rules too. Throws INVALID_RECORD,
   * MESSAGE_TOO_LARGE or RECORD_LIST_TOO_LARGE for a record that can't be written, and whatever partitioner and topic
   * refuse.
   */
  place(records: readonly ProducerRecord[], places: Places): boolean {
    let topic: string | undefined
    let rules: TopicRules | undefined
    let group: RecordGroup | undefined
    for (let index = 0; index < records.length; index++) {
      const record = records[index] as ProducerRecord
      if (rules === undefined || record?.topic !== topic) {
        topic = topicOf(record, index)
        rules = places.rules(topic)
        if (rules === undefined) return false
      }
      // A record is read once, and only when the topic is known: an iterable of headers may give them only once.
      const checked = this.#read?.[index] ?? checkRecord(record, index)
      const partition = this.#partitionOf(record, checked, index, rules, places)
      if (group === undefined || group.queue.partition !== partition || group.queue.topic !== topic) {
        group = this.#group(places.queue(topic, partition), rules, places, records.length - index)
      }
      group.add(checked, index)
      this.sizeBytes += checked.sizeBytes
    }
    return true
  }

  /**
   * Returns checked copies, headers included: the program may use its objects again while the send waits. No record
   * keeps its place: equal keys must not be placed by two numbers of partitions, nor the records of one batch by two
   * limits.
   */
  copies(records: readonly ProducerRecord[]): readonly ProducerRecord[] {
    const read = this.#read ?? []
    this.#read = read
    for (const group of this.#allGroups()) group.spread(read)
    this.forgetPlaces()
    return Array.from(records, (record, index) => {
      const checked = read[index] ?? checkRecord(record, index)
      read[index] = checked
      return copyOf(record, checked.headers)
    })
  }

  /** Has `place` begin anew. */
  forgetPlaces(): void {
    this.#first = undefined
    this.#groups = undefined
    this.sizeBytes = 0
  }

  /** Whether the records for one of the partitions are more than one batch can hold. */
  get isCut(): boolean {
    for (const group of this.#allGroups()) if (group.isCut) return true
    return false
  }

  /** Throws what `place` would throw for one of the copies by these rules, without calling the partitioner. */
  check({ topic, partition }: ProducerRecord, index: number, rules: TopicRules): void {
    refuseTooLarge(this.#read?.[index] as CheckedRecord, index, topic, rules)
    if (partition !== undefined) assertPartition(topic, partition, rules.partitions)
  }

  #allGroups(): Iterable<RecordGroup> {
    return this.#groups?.values() ?? (this.#first === undefined ? [] : [this.#first])
  }

  #partitionOf(
    record: ProducerRecord,
    checked: CheckedRecord,
    index: number,
    rules: TopicRules,
    places: Places,
  ): number {
    try {
      refuseTooLarge(checked, index, record.topic, rules)
      return places.partition(record, checked.sizeBytes, rules.partitions)
    } catch (error) {
      this.#read ??= []
      this.#read[index] = checked
      throw error
    }
  }

  /**
   * Returns the group of the queue, a new one if needed. `countLeft`: how many records of the call are left; mostly all
   * go to one partition.
   */
  #group(queue: PartitionQueue, rules: TopicRules, places: Places, countLeft: number): RecordGroup {
    const first = this.#first
    if (first === undefined) {
      this.#first = new RecordGroup(queue, rules, places.compression(rules, this.#compression), undefined, countLeft)
      return this.#first
    }
    if (this.#groups === undefined) {
      if (first.queue === queue) return first
      first.becomePart()
      this.#groups = new Map([[first.queue, first]])
    }
    let group = this.#groups.get(queue)
    if (group === undefined) {
      group = new RecordGroup(queue, rules, places.compression(rules, this.#compression), [], 0)
      this.#groups.set(queue, group)
    }
    return group
  }

  /**
   * Puts the records into batches, in the order of the call. Returns the parts of the call, and whether one of the
   * queues is full.
   */
  enqueue(owner: PartOwner, send: PendingSend): { readonly parts: readonly SendPart[]; readonly isFull: boolean } {
    const parts: SendPart[] = []
    let isFull = false
    for (const group of this.#allGroups()) {
      group.enqueue(parts, owner, send)
      isFull ||= group.queue.isFull
    }
    return { parts, isFull }
  }
}

/**
 * Throws MESSAGE_TOO_LARGE or RECORD_LIST_TOO_LARGE for a record that no batch of its topic can hold, before anything
 * is sent.
 */
export function refuseTooLarge(
  record: CheckedRecord,
  index: number,
  topic: string,
  { maxMessageBytes, segmentBytes }: Pick<TopicRules, 'maxMessageBytes' | 'segmentBytes'>,
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
