import type { PartitionKey } from '../journal/frame-entry.ts'

/** A value for each partition of a log. Hot path: found without joining topic and number into one text. */
export class PartitionMap<T> {
  readonly #byTopic = new Map<string, OfTopic<T>>()

  get({ topicId, partition }: PartitionKey): T | undefined {
    return this.#byTopic.get(topicId)?.values[partition]
  }

  set({ topicId, partition }: PartitionKey, value: T): void {
    let ofTopic = this.#byTopic.get(topicId)
    if (ofTopic === undefined) {
      ofTopic = { values: [], count: 0 }
      this.#byTopic.set(topicId, ofTopic)
    }
    if (ofTopic.values[partition] === undefined) ofTopic.count++
    ofTopic.values[partition] = value
  }

  delete({ topicId, partition }: PartitionKey): void {
    const ofTopic = this.#byTopic.get(topicId)
    if (ofTopic?.values[partition] === undefined) return
    ofTopic.values[partition] = undefined
    ofTopic.count--
    if (ofTopic.count === 0) this.#byTopic.delete(topicId)
  }

  *values(): Iterable<T> {
    for (const { values } of this.#byTopic.values()) for (const each of values) if (each !== undefined) yield each
  }
}

interface OfTopic<T> {
  readonly values: (T | undefined)[]
  /** How many of the topic's partitions are in the map, so that a delete needn't look at all of them. */
  count: number
}
