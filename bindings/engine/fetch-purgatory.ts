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
  /** Where it waits. */
  readonly waitsAt: WaitingFetch[]
}

/**
 * A fetch at one of its partitions, in the list of those that wait there. A reader of thousands of partitions waits in
 * all of them again for each record that comes, and mostly alone: a map for each of them would cost more than all else.
 */
export interface WaitingFetch {
  readonly fetch: DelayedFetch
  readonly hosted: HostedPartition
  readonly position: TopicPosition
  newer: WaitingFetch | undefined
  older: WaitingFetch | undefined
}

const NONE: readonly WaitingFetch[] = []

/**
 * The fetches that wait, and at which partitions: Kafka's word (DelayedOperationPurgatory). There are no deadlines
 * here: a fetch that finds nothing waits until its reader is woken.
 */
export class FetchPurgatory {
  readonly #topics: Pick<Topics, 'partition'>
  readonly #fetches = new Set<DelayedFetch>()
  /** The newest at each partition. */
  readonly #newest = new Map<HostedPartition, WaitingFetch>()
  readonly #byReader = new Map<object, Set<DelayedFetch>>()

  constructor(topics: Pick<Topics, 'partition'>) {
    this.#topics = topics
  }

  /** All of them, in the order of their arrival. A copy, since the caller may remove some while it goes through it. */
  all(): readonly DelayedFetch[] {
    return [...this.#fetches]
  }

  /** Those that wait for this partition, as a copy too. */
  at(partition: HostedPartition): readonly WaitingFetch[] {
    let each = this.#newest.get(partition)
    if (each === undefined) return NONE
    const waiting: WaitingFetch[] = []
    for (; each !== undefined; each = each.older) waiting.push(each)
    return waiting.reverse()
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
        const older = this.#newest.get(hosted)
        const waiting = { fetch, hosted, position, newer: undefined, older }
        if (older !== undefined) older.newer = waiting
        this.#newest.set(hosted, waiting)
        fetch.waitsAt.push(waiting)
      } catch {
        // The topic is gone: the reader hears of it by `forget`, or the next time the fetch is served.
      }
    }
  }

  remove(fetch: DelayedFetch): void {
    if (!this.#fetches.delete(fetch)) return
    const ofReader = this.#byReader.get(fetch.reader)
    if (ofReader?.delete(fetch) && ofReader.size === 0) this.#byReader.delete(fetch.reader)
    for (const { hosted, newer, older } of fetch.waitsAt) {
      if (newer !== undefined) newer.older = older
      else if (older !== undefined) this.#newest.set(hosted, older)
      else this.#newest.delete(hosted)
      if (older !== undefined) older.newer = newer
    }
  }
}
