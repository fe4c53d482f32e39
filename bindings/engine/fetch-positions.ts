import type { FetchedPartition, FetchRequest, TopicPosition } from '../broker/reader-session.ts'
import type { LogError } from '../model/errors.ts'
import type { IsolationLevel, TopicPartition } from '../model/positions.ts'
import type { Callback } from './commands.ts'
import type { HostedPartition } from './hosted-partition.ts'

/** A fetch that isn't answered yet. */
export interface DelayedFetch {
  readonly reader: object
  readonly request: FetchRequest
  readonly positions: FetchPositions
  readonly done: Callback<readonly FetchedPartition[]>
  /** How many of its partitions the store is still reading into memory. */
  preparing: number
  /** Partitions that can't be read: their errors are answered together with what the other partitions have. */
  unreachable: Map<HostedPartition, LogError> | undefined
}

/** A position that a reader asks for, in one list at a time: of those to be looked at, or at its partition. */
export interface AskedPosition {
  readonly of: FetchPositions
  position: TopicPosition
  list: PositionList | undefined
  previous: AskedPosition | undefined
  next: AskedPosition | undefined
}

/** The links are in the positions: a reader of thousands of partitions has each of them in one list or another. */
export class PositionList {
  #first: AskedPosition | undefined
  #last: AskedPosition | undefined

  get first(): AskedPosition | undefined {
    return this.#first
  }

  /** A copy, since the caller may move some while it goes through them. */
  all(): readonly AskedPosition[] {
    const all: AskedPosition[] = []
    for (let each = this.#first; each !== undefined; each = each.next) all.push(each)
    return all
  }

  /** Takes it, as the last one, out of the list in which it is. */
  add(each: AskedPosition): void {
    each.list?.remove(each)
    each.list = this
    each.previous = this.#last
    if (this.#last === undefined) this.#first = each
    else this.#last.next = each
    this.#last = each
  }

  remove(each: AskedPosition): void {
    const { previous, next } = each
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    each.list = undefined
    each.previous = undefined
    each.next = undefined
  }
}

/**
 * What a reader asks for. One that has thousands of partitions keeps it from fetch to fetch, as in Kafka (KIP-227), and
 * looks at those alone that may have something: the others are in lists at their partitions until these advance.
 */
export class FetchPositions {
  readonly isolationLevel: IsolationLevel
  /** Whether it outlives its fetch. */
  readonly isKept: boolean
  /** Those that may have something, in the order of their turns. */
  readonly ready: PositionList = new PositionList()
  /** The fetch that isn't answered yet. */
  fetch: DelayedFetch | undefined
  /** By topic and partition, those too that aren't asked for now: a partition is asked for again and again. */
  readonly #byTopic = new Map<string, Map<number, AskedPosition>>()

  constructor(isolationLevel: IsolationLevel, isKept: boolean) {
    this.isolationLevel = isolationLevel
    this.isKept = isKept
  }

  /** Of two positions in one partition the later one counts. */
  ask(position: TopicPosition): void {
    const asked = this.#byTopic.get(position.topic)?.get(position.partition) ?? this.#add(position)
    asked.position = position
    this.ready.add(asked)
  }

  #add(position: TopicPosition): AskedPosition {
    const { topic, partition } = position
    let ofTopic = this.#byTopic.get(topic)
    if (ofTopic === undefined) {
      ofTopic = new Map()
      this.#byTopic.set(topic, ofTopic)
    }
    const asked = { of: this, position, list: undefined, previous: undefined, next: undefined }
    ofTopic.set(partition, asked)
    return asked
  }

  /** It isn't asked for now: it was answered, or its reader doesn't want it. */
  forget({ topic, partition }: TopicPartition): void {
    const asked = this.#byTopic.get(topic)?.get(partition)
    asked?.list?.remove(asked)
  }

  forgetAll(): void {
    for (const ofTopic of this.#byTopic.values()) for (const asked of ofTopic.values()) asked.list?.remove(asked)
  }
}
