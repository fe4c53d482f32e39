import { hashOfKey } from '../producer/partitioner.ts'
import { ownMemory } from './kept-value.ts'
import type { PartitionValues, ReadPartition } from './partition-values.ts'

/** The value that a key has in one partition, and those that it has in others. */
interface HeldValue {
  readonly partition: number
  readonly value: Uint8Array
  readonly next: HeldValue | undefined
}

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
  readonly #byKey: Map<string, HeldValue> = new Map()
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
    const held = this.#byKey.get(text)
    const replaced = held?.partition === partition ? held.value : undefined
    this.#put(text, partition, value && ownMemory(value, replaced))
  }

  #put(text: string, partition: number, value: Uint8Array | null): void {
    const held = this.#byKey.get(text)
    const others = without(held, partition)
    if (value !== null) this.#byKey.set(text, { partition, value, next: others })
    else if (others !== undefined) this.#byKey.set(text, others)
    else this.#byKey.delete(text)
  }

  /** The texts of all keys. */
  texts(): readonly string[] {
    return [...this.#byKey.keys()]
  }

  /** The newest value of a key; `key` are the bytes of its text. */
  get(text: string, key: Uint8Array): Uint8Array | undefined {
    const held = this.#byKey.get(text)
    return held?.next === undefined ? held?.value : this.#newestOf(held, key)
  }

  /**
   * Where the default partitioner puts the key now, else where it did when there were fewer partitions; else any, since
   * a program may place keys as it likes.
   */
  #newestOf(held: HeldValue, key: Uint8Array): Uint8Array {
    const hash = hashOfKey(key)
    for (let count = this.#partitions.length; count > 0; count--) {
      for (let each: HeldValue | undefined = held; each !== undefined; each = each.next) {
        if (each.partition === hash % count) return each.value
      }
    }
    return held.value
  }
}

function without(held: HeldValue | undefined, partition: number): HeldValue | undefined {
  if (held === undefined || held.partition === partition) return held?.next
  const next = without(held.next, partition)
  return next === held.next ? held : { ...held, next }
}
