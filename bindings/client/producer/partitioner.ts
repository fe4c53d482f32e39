import { LogError } from '../../model/errors.ts'
import type { ProducerRecord } from '../producer-record.ts'
import { murmur2, murmur2OfText } from './murmur2.ts'

/**
 * Returns the partition of a record: a number from 0, below `partitions`. `send` rejects with INVALID_REQUEST for
 * anything else.
 */
export type UserPartitioner = (record: ProducerRecord, partitions: number) => number

/** The partition that a topic's records without a key go to, and how much went there. */
interface Sticky {
  readonly partition: number
  producedBytes: number
}

/**
 * Kafka's default partitioner: equal keys go together (murmur2), records without a key stay with one partition until a
 * batch's worth was produced to it, then move to another one at random (KIP-794).
 */
export class Partitioner {
  readonly #user: UserPartitioner | undefined
  readonly #random: () => number
  readonly #batchSizeBytes: number
  readonly #sticky = new Map<string, Sticky>()
  /** Of each topic that records without a key went to since the last mark: what held before. */
  readonly #marked = new Map<string, Sticky | undefined>()

  constructor(user: UserPartitioner | undefined, random: () => number, batchSizeBytes: number) {
    this.#user = user
    this.#random = random
    this.#batchSizeBytes = Math.max(1, batchSizeBytes)
  }

  /** Begins what `takeBack` undoes: the records that come now may not be sent to the partitions that they get. */
  mark(): void {
    this.#marked.clear()
  }

  /** Makes the records since the last mark count as not produced. */
  takeBack(): void {
    for (const [topic, sticky] of this.#marked) {
      if (sticky === undefined) this.#sticky.delete(topic)
      else this.#sticky.set(topic, sticky)
    }
    this.#marked.clear()
  }

  /**
   * Returns the partition of every record that names the same `partition` as this one, whatever the keys; `undefined`
   * if it depends on the record.
   */
  onlyChoice({ partition }: ProducerRecord, partitions: number): number | undefined {
    if (partition === undefined) return this.#user === undefined && partitions === 1 ? 0 : undefined
    return Number.isInteger(partition) && partition >= 0 && partition < partitions ? partition : undefined
  }

  choose(record: ProducerRecord, sizeBytes: number, partitions: number): number {
    const { partition, key, topic } = record
    if (partition !== undefined) {
      assertPartition(topic, partition, partitions)
      return partition
    }
    if (this.#user !== undefined) return checkAnswer(topic, this.#user(record, partitions), partitions)
    if (partitions === 1) return 0
    if (key === null || key === undefined) return this.#stickyPartition(topic, sizeBytes, partitions)
    return partitionOfKey(key, partitions)
  }

  #stickyPartition(topic: string, sizeBytes: number, partitions: number): number {
    let sticky = this.#sticky.get(topic)
    if (!this.#marked.has(topic)) this.#marked.set(topic, sticky && { ...sticky })
    if (sticky === undefined || sticky.partition >= partitions || sticky.producedBytes >= this.#batchSizeBytes) {
      sticky = { partition: this.#anotherPartition(sticky?.partition, partitions), producedBytes: 0 }
      this.#sticky.set(topic, sticky)
    }
    sticky.producedBytes += sizeBytes
    return sticky.partition
  }

  #anotherPartition(last: number | undefined, partitions: number): number {
    if (last === undefined || last >= partitions) return Math.floor(this.#random() * partitions)
    const next = Math.floor(this.#random() * (partitions - 1))
    return next >= last ? next + 1 : next
  }
}

export function assertPartition(topic: string, partition: number, partitions: number): void {
  if (partition < partitions) return
  const message = `topic "${topic}" has partitions 0 to ${partitions - 1}, not ${partition}`
  throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', message, { topic, partition, partitions })
}

/** Returns the partition in which Kafka's default partitioner puts a key. */
export function partitionOfKey(key: string | Uint8Array, partitions: number): number {
  return hashOfKey(key) % partitions
}

/** A number from 0, whose remainder by the number of partitions is the key's partition. */
export function hashOfKey(key: string | Uint8Array): number {
  return (typeof key === 'string' ? murmur2OfText(key) : murmur2(key)) & 0x7fffffff
}

function checkAnswer(topic: string, answer: unknown, partitions: number): number {
  if (Number.isInteger(answer) && (answer as number) >= 0 && (answer as number) < partitions) return answer as number
  const message = `the partitioner must answer a whole number from 0 to ${partitions - 1} for topic "${topic}"`
  throw new LogError('INVALID_REQUEST', message, { option: 'partitioner', topic, partitions })
}
