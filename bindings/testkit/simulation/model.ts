import { hold, PartitionModel } from './partition-model.ts'

/** One change of a topic that was asked for, and what the topic is once it took place. */
export interface TopicState {
  /** `undefined`: there is no such topic. */
  readonly topicId: string | undefined
  readonly partitions: number
}

interface Attempted<T> {
  readonly value: T
  acknowledged: boolean
}

/** Values in the order in which they were asked for: the last acknowledged one holds, or one after it. */
export class History<T> {
  #attempts: Attempted<T>[]

  constructor(first: T) {
    this.#attempts = [{ value: first, acknowledged: true }]
  }

  clone(): History<T> {
    const clone = new History<T>(this.latest)
    clone.#attempts = this.#attempts.map((attempt) => ({ ...attempt }))
    return clone
  }

  attempt(value: T): { acknowledge: () => void } {
    const number = this.#attempts.push({ value, acknowledged: false }) - 1
    return { acknowledge: () => this.#acknowledge(number) }
  }

  #acknowledge(number: number): void {
    const attempt = this.#attempts[number]
    if (attempt !== undefined) attempt.acknowledged = true
  }

  get latest(): T {
    return (this.#attempts.at(-1) as Attempted<T>).value
  }

  /** What may be true now. */
  candidates(): T[] {
    const last = this.#attempts.findLastIndex((attempt) => attempt.acknowledged)
    return this.#attempts.slice(last).map((attempt) => attempt.value)
  }

  settle(value: T): void {
    this.#attempts = [{ value, acknowledged: true }]
  }
}

const NO_TOPIC: TopicState = { topicId: undefined, partitions: 0 }

/** Everything that the log promised so far. Knows nothing of files, frames or checkpoints. */
export class Model {
  readonly topics: Map<string, History<TopicState>> = new Map<string, History<TopicState>>()
  readonly #partitions = new Map<string, PartitionModel>()
  /** By group, topic id and partition. */
  readonly #commits = new Map<string, History<number | undefined>>()
  readonly #producerIds = new Set<number>()
  readonly #sequences = new Map<string, number>()
  /** Counts openings of the log, and whatever needs a number of its own. */
  session = 0
  nextNumber = 0

  clone(): Model {
    const clone = new Model()
    for (const [name, history] of this.topics) clone.topics.set(name, history.clone())
    for (const [key, partition] of this.#partitions) clone.#partitions.set(key, partition.clone())
    for (const [key, history] of this.#commits) clone.#commits.set(key, history.clone())
    for (const id of this.#producerIds) clone.#producerIds.add(id)
    for (const [key, next] of this.#sequences) clone.#sequences.set(key, next)
    clone.session = this.session
    clone.nextNumber = this.nextNumber
    return clone
  }

  topic(name: string): History<TopicState> {
    let history = this.topics.get(name)
    if (history === undefined) {
      history = new History(NO_TOPIC)
      this.topics.set(name, history)
    }
    return history
  }

  partition(topicId: string, partition: number): PartitionModel {
    const key = `${topicId}/${partition}`
    let model = this.#partitions.get(key)
    if (model === undefined) {
      model = new PartitionModel(key)
      this.#partitions.set(key, model)
    }
    return model
  }

  commits(groupId: string, topicId: string, partition: number): History<number | undefined> {
    const key = `${groupId} ${topicId} ${partition}`
    let history = this.#commits.get(key)
    if (history === undefined) {
      history = new History<number | undefined>(undefined)
      this.#commits.set(key, history)
    }
    return history
  }

  *allCommits(): Iterable<{
    groupId: string
    topicId: string
    partition: number
    history: History<number | undefined>
  }> {
    for (const [key, history] of this.#commits) {
      const [groupId = '', topicId = '', partition = ''] = key.split(' ')
      yield { groupId, topicId, partition: Number(partition), history }
    }
  }

  producerOpened(producerId: number): void {
    hold(!this.#producerIds.has(producerId), () => `producer id ${producerId} was handed out twice`)
    this.#producerIds.add(producerId)
  }

  /** The sequence that the producer's next batch of so many records gets. */
  takeSequence(producerId: number, producerEpoch: number, topicId: string, partition: number, count: number): number {
    const key = `${producerId}/${producerEpoch}/${topicId}/${partition}`
    const sequence = this.#sequences.get(key) ?? 0
    this.#sequences.set(key, sequence + count)
    return sequence
  }
}
