import type { FetchedPartition, FetchRequest, TopicPosition } from '../broker/reader-session.ts'
import { LogError } from '../model/errors.ts'
import type { Callback } from './commands.ts'
import { type DelayedFetch, FetchPurgatory } from './fetch-purgatory.ts'
import { type FetchRead, type FetchReadHooks, FetchReads, type MissingBatch } from './fetch-reads.ts'
import type { HostedPartition } from './hosted-partition.ts'
import type { Topics } from './topics.ts'

export interface FetchHooks extends FetchReadHooks {
  readonly topics: Pick<Topics, 'partition' | 'facts'>
  /** Reads the batch at `offset` into memory, then calls back. */
  prepare(missing: MissingBatch, then: (error: unknown) => void): void
}

/** Fetches: those that find something are answered at once, the others when a watermark moves. Nothing polls. */
export class Fetches {
  readonly #hooks: FetchHooks
  readonly #reads: FetchReads
  readonly #purgatory: FetchPurgatory

  constructor(hooks: FetchHooks) {
    this.#hooks = hooks
    this.#reads = new FetchReads(hooks)
    this.#purgatory = new FetchPurgatory(hooks.topics)
  }

  start(reader: object, request: FetchRequest, done: Callback<readonly FetchedPartition[]>): void {
    this.#serve({ reader, request, done, preparing: 0, unreachable: undefined, waitsAt: [] })
  }

  /** Readers may see more of the partition now. A fetch that waits knows that its other partitions have nothing. */
  advanced(partition: HostedPartition): void {
    for (const { fetch, position } of this.#purgatory.at(partition)) {
      const isNews = this.#reads.isNews(partition, position, fetch.request.isolationLevel)
      // It may have several positions in the partition, and be answered by now.
      if (isNews && fetch.preparing === 0 && this.#purgatory.has(fetch)) this.#serve(fetch, [position])
    }
  }

  /** The topic has more partitions than before: waiting readers that know the old number are answered. */
  grown(topic: string): void {
    const asks = ({ request }: DelayedFetch) =>
      request.knownPartitions !== undefined && request.positions[0]?.topic === topic
    this.#serveAgain(this.#purgatory.all().filter(asks))
  }

  /** A topic was deleted: fetches that wait for its records are answered. */
  forgotten(partition: HostedPartition): void {
    this.#serveAgain(this.#purgatory.at(partition).map(({ fetch }) => fetch))
  }

  /** Ends a reader's waiting fetch with what there is now. */
  wake(reader: object): void {
    for (const fetch of this.#purgatory.of(reader))
      this.#finish(fetch, this.#read(fetch, fetch.request.positions).partitions)
  }

  close(error: unknown): void {
    for (const fetch of this.#purgatory.all()) this.#fail(fetch, error)
  }

  /** Serves the fetches again, but not those whose batches are being read: they are served once that is done. */
  #serveAgain(fetches: readonly DelayedFetch[]): void {
    for (const fetch of fetches) if (fetch.preparing === 0 && this.#purgatory.has(fetch)) this.#serve(fetch)
  }

  /** `positions`: those that may have something. */
  #serve(fetch: DelayedFetch, positions: readonly TopicPosition[] = fetch.request.positions): void {
    let read: FetchRead
    try {
      read = this.#read(fetch, positions)
    } catch (error) {
      return this.#fail(fetch, error)
    }
    if (read.missing.length > 0) return this.#prepare(fetch, read.missing)
    if (read.hasMoved || !fetch.request.wait || this.#hasOthers(fetch.request)) this.#finish(fetch, read.partitions)
    else this.#purgatory.add(fetch)
  }

  #read({ request, unreachable }: DelayedFetch, positions: readonly TopicPosition[]): FetchRead {
    return this.#reads.read(request, positions, unreachable)
  }

  /**
   * Serves the fetch again once all of these were read. They may push each other out of memory, but not the one that
   * was read last: so each round has fewer to wait for, and in the end one of them is answered.
   */
  #prepare(fetch: DelayedFetch, missing: readonly MissingBatch[]): void {
    fetch.preparing = missing.length
    this.#purgatory.add(fetch)
    for (const each of missing) {
      this.#hooks.prepare(each, (error) => {
        fetch.preparing--
        if (!this.#purgatory.has(fetch)) return
        if (LogError.is(error)) fetch.unreachable = new Map(fetch.unreachable).set(each.hosted, error)
        else if (error !== undefined) return this.#fail(fetch, error)
        if (fetch.preparing === 0) this.#serve(fetch)
      })
    }
  }

  /**
   * Whether the topic has partitions that the reader doesn't know. (One that is gone has an error among those that were
   * read.)
   */
  #hasOthers({ positions, knownPartitions }: FetchRequest): boolean {
    const topic = positions[0]?.topic
    return (
      knownPartitions !== undefined &&
      topic !== undefined &&
      this.#hooks.topics.facts(topic).partitions !== knownPartitions
    )
  }

  #finish(fetch: DelayedFetch, partitions: readonly FetchedPartition[]): void {
    this.#purgatory.remove(fetch)
    fetch.done(undefined, partitions)
  }

  #fail(fetch: DelayedFetch, error: unknown): void {
    this.#purgatory.remove(fetch)
    fetch.done(error)
  }
}
