import type { PartitionKey } from '../journal/frame.ts'

/** Something for each partition of a log. Hot path: found without joining topic and number to one text. */
export class PartitionMap<T> {
  readonly #byTopic = new Map<string, (T | undefined)[]>()

  get({ topicId, partition }: PartitionKey): T | undefined {
    return this.#byTopic.get(topicId)?.[partition]
  }

  set({ topicId, partition }: PartitionKey, value: T): void {
    const ofTopic = this.#byTopic.get(topicId)
    if (ofTopic !== undefined) ofTopic[partition] = value
    else {
      const made: (T | undefined)[] = []
      made[partition] = value
      this.#byTopic.set(topicId, made)
    }
  }

  delete({ topicId, partition }: PartitionKey): void {
    const ofTopic = this.#byTopic.get(topicId)
    if (ofTopic === undefined) return
    ofTopic[partition] = undefined
    if (ofTopic.every((each) => each === undefined)) this.#byTopic.delete(topicId)
  }

  *values(): Iterable<T> {
    for (const ofTopic of this.#byTopic.values()) for (const each of ofTopic) if (each !== undefined) yield each
  }
}
