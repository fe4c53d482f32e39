import { hashOfKey } from '../producer/partitioner.ts'
import { ownMemory } from './kept-value.ts'
import type { PartitionValues, ReadPartition } from './partition-values.ts'

/** The value of a key that is in one partition. */
interface HeldValue {
  readonly partition: number
  readonly value: Uint8Array
}

/** The values of a key that is in several partitions, by partition. */
type HeldValues = Map<number, Uint8Array>

type SetValue = (text: string, partition: number, value: Uint8Array | null) => void

/** One partition of the table, as far as it was read. */
class TablePartition implements ReadPartition {
  readonly topic: string
  readonly partition: number
  readonly topicId: string
  nextOffset: number
  readonly #set: SetValue

  constructor({ topic, topicId, partition, nextOffset }: PartitionValues, set: SetValue) {
    this.topic = topic
    this.topicId = topicId
    this.partition = partition
    this.nextOffset = nextOffset
    this.#set = set
  }

  set(text: string, value: Uint8Array | null): void {
    this.#set(text, this.partition, value)
  }
}

/**
 * The values of all partitions, by key: a look costs as much with thousands of partitions, wherever the key is, or if
 * it is nowhere.
 */
export class TableValues {
  /** By the keys' text. Mostly a key is in one partition. */
  readonly #byKey: Map<string, HeldValue | HeldValues> = new Map()
  #partitions: readonly TablePartition[] = []

  /** In the order of partition numbers. */
  get partitions(): readonly ReadPartition[] {
    return this.#partitions
  }

  /** Takes over partitions that were read; they follow those that are there. */
  add(read: readonly PartitionValues[]): void {
    for (const { partition, values } of read) for (const [text, { bytes }] of values) this.#put(text, partition, bytes)
    const set: SetValue = (text, partition, value) => this.#set(text, partition, value)
    this.#partitions = [...this.#partitions, ...read.map((each) => new TablePartition(each, set))]
  }

  #set(text: string, partition: number, value: Uint8Array | null): void {
    this.#put(text, partition, value && ownMemory(value, this.#valueIn(text, partition)))
  }

  #valueIn(text: string, partition: number): Uint8Array | undefined {
    const held = this.#byKey.get(text)
    if (held instanceof Map) return held.get(partition)
    return held?.partition === partition ? held.value : undefined
  }

  #put(text: string, partition: number, value: Uint8Array | null): void {
    const held = this.#byKey.get(text)
    if (held instanceof Map) this.#setOfSeveral(held, text, partition, value)
    else if (held !== undefined && held.partition !== partition) {
      const both = new Map([[held.partition, held.value]])
      if (value !== null) this.#byKey.set(text, both.set(partition, value))
    } else if (value !== null) this.#byKey.set(text, { partition, value })
    else this.#byKey.delete(text)
  }

  #setOfSeveral(held: HeldValues, text: string, partition: number, value: Uint8Array | null): void {
    if (value !== null) held.set(partition, value)
    else held.delete(partition)
    if (held.size > 1) return
    for (const [left, its] of held) this.#byKey.set(text, { partition: left, value: its })
  }

  /** The texts of all keys. */
  texts(): readonly string[] {
    return [...this.#byKey.keys()]
  }

  /** The newest value of a key; `key` are the bytes of its text. */
  get(text: string, key: Uint8Array): Uint8Array | undefined {
    const held = this.#byKey.get(text)
    return held instanceof Map ? this.#newestOf(held, key) : held?.value
  }

  /**
   * Where the default partitioner puts the key now, else where it did when there were fewer partitions; else any, since
   * a program may place keys as it likes.
   */
  #newestOf(held: HeldValues, key: Uint8Array): Uint8Array | undefined {
    const hash = hashOfKey(key)
    for (let count = this.#partitions.length; count > 0; count--) {
      const value = held.get(hash % count)
      if (value !== undefined) return value
    }
    const [first] = held.values()
    return first
  }
}
