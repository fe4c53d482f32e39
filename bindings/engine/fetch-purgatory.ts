import type { FetchedPartition, FetchRequest, TopicPosition } from '../broker/reader-session.ts'
import type { LogError } from '../model/errors.ts'
import type { Callback } from './commands.ts'
import type { HostedPartition } from './hosted-partition.ts'
import type { Topics } from './topics.ts'

/** A fetch that isn't answered yet. */
export interface DelayedFetch {
  readonly reader: object
  readonly request: FetchRequest
  readonly done: Callback<readonly FetchedPartition[]>
  /** How many of its partitions the store is still reading into memory. */
  preparing: number
  /** Partitions that can't be read: their errors are answered together with what the other partitions have. */
  unreachable: Map<HostedPartition, LogError> | undefined
  /** The partitions at which it is registered to wait. */
  readonly waitsAt: HostedPartition[]
}

/** A fetch and its position in the partition at which it waits; `undefined` if it has several there. */
type Waiting = readonly [fetch: DelayedFetch, position: TopicPosition | undefined]

const NONE: readonly Waiting[] = []

/**
 * The fetches that wait, and at which partitions: Kafka's word (DelayedOperationPurgatory). There are no deadlines
 * here: a fetch that finds nothing waits until its reader is woken.
 */
export class FetchPurgatory {
  readonly #topics: Pick<Topics, 'partition'>
  readonly #fetches = new Set<DelayedFetch>()
  readonly #byPartition = new Map<HostedPartition, Map<DelayedFetch, TopicPosition | undefined>>()
  readonly #byReader = new Map<object, Set<DelayedFetch>>()

  constructor(topics: Pick<Topics, 'partition'>) {
    this.#topics = topics
  }

  /** All of them, in the order of their arrival. A copy, since the caller may remove some while it goes through it. */
  all(): readonly DelayedFetch[] {
    return [...this.#fetches]
  }

  /** Those that wait for this partition, as a copy too. */
  at(partition: HostedPartition): readonly Waiting[] {
    const waiting = this.#byPartition.get(partition)
    return waiting === undefined || waiting.size === 0 ? NONE : [...waiting]
  }

  /** Those of this reader, as a copy too. */
  of(reader: object): readonly DelayedFetch[] {
    return [...(this.#byReader.get(reader) ?? [])]
  }

  has(fetch: DelayedFetch): boolean {
    return this.#fetches.has(fetch)
  }

  add(fetch: DelayedFetch): void {
    if (this.#fetches.has(fetch)) return
    this.#fetches.add(fetch)
    this.#byReader.set(fetch.reader, (this.#byReader.get(fetch.reader) ?? new Set()).add(fetch))
    for (const position of fetch.request.positions) {
      try {
        const hosted = this.#topics.partition(position.topic, position.partition)
        const waiting = this.#byPartition.get(hosted) ?? new Map<DelayedFetch, TopicPosition | undefined>()
        waiting.set(fetch, waiting.has(fetch) ? undefined : position)
        fetch.waitsAt.push(hosted)
        if (waiting.size === 1) this.#byPartition.set(hosted, waiting)
      } catch {
        // The topic is gone: the reader hears of it by `forget`, or the next time the fetch is served.
      }
    }
  }

  remove(fetch: DelayedFetch): void {
    if (!this.#fetches.delete(fetch)) return
    const ofReader = this.#byReader.get(fetch.reader)
    if (ofReader?.delete(fetch) && ofReader.size === 0) this.#byReader.delete(fetch.reader)
    for (const partition of fetch.waitsAt) {
      const waiting = this.#byPartition.get(partition)
      if (waiting?.delete(fetch) && waiting.size === 0) this.#byPartition.delete(partition)
    }
  }

  /** The partition is gone: returns the fetches that waited for it. */
  forget(partition: HostedPartition): readonly DelayedFetch[] {
    const waiting = this.at(partition)
    this.#byPartition.delete(partition)
    return waiting.map(([fetch]) => fetch)
  }
}
