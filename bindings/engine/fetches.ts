import type { FetchedPartition, FetchRequest } from '../broker/reader-session.ts'
import { LogError } from '../model/errors.ts'
import type { Callback } from './commands.ts'
import { type DelayedFetch, FetchPositions } from './fetch-positions.ts'
import { FetchPurgatory } from './fetch-purgatory.ts'
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
  readonly #purgatory = new FetchPurgatory()
  readonly #reads: FetchReads
  /** What readers ask for from fetch to fetch. */
  readonly #kept = new WeakMap<object, FetchPositions>()
  /** A program may drop an iteration without leaving it: nobody closes its reader, which would stay at partitions. */
  readonly #abandoned = new FinalizationRegistry<FetchPositions>((positions) => positions.forgetAll())

  constructor(hooks: FetchHooks) {
    this.#hooks = hooks
    this.#reads = new FetchReads(hooks, this.#purgatory)
  }

  start(reader: object, request: FetchRequest, done: Callback<readonly FetchedPartition[]>): void {
    const positions = this.#asked(reader, request)
    const fetch = { reader, request, positions, done, preparing: 0, unreachable: undefined }
    positions.fetch = fetch
    this.#serve(fetch)
  }

  /** What the fetch asks for: with `changes`, what the reader's last one left and they name. */
  #asked(reader: object, { positions, isolationLevel, changes }: FetchRequest): FetchPositions {
    const kept = changes && this.#kept.get(reader)
    // It has one at a time.
    if (kept?.fetch !== undefined) this.#finish(kept.fetch, [])
    let asked = changes?.isFull === false ? kept : undefined
    if (asked === undefined) {
      asked = new FetchPositions(isolationLevel, changes !== undefined)
      if (changes !== undefined) {
        this.#forget(reader)
        this.#kept.set(reader, asked)
        this.#abandoned.register(reader, asked, asked)
      }
    }
    for (const each of changes?.forgotten ?? []) asked.forget(each)
    for (const each of positions) asked.ask(each)
    return asked
  }

  /** Readers may see more of the partition now. A fetch that waits knows that its other partitions have nothing. */
  advanced(partition: HostedPartition): void {
    for (const asked of this.#purgatory.at(partition)) {
      const { of: positions, position } = asked
      // One that was answered meanwhile is in no list.
      if (asked.list === undefined || !this.#reads.isNews(partition, position, positions.isolationLevel)) continue
      positions.ready.add(asked)
      if (positions.fetch?.preparing === 0) this.#serve(positions.fetch)
    }
  }

  /** The topic has more partitions than before: waiting readers that know the old number are answered. */
  grown(topic: string): void {
    for (const fetch of this.#purgatory.all()) {
      const { knownPartitions, positions } = fetch.request
      if (knownPartitions !== undefined && positions[0]?.topic === topic) this.#serveAgain(fetch)
    }
  }

  /** A topic was deleted: fetches that wait for its records are answered. */
  forgotten(partition: HostedPartition): void {
    const waiting = this.#purgatory.at(partition)
    for (const asked of waiting) asked.of.ready.add(asked)
    for (const {
      of: { fetch },
    } of waiting)
      if (fetch !== undefined) this.#serveAgain(fetch)
    this.#purgatory.forget(partition)
  }

  /** Ends a reader's waiting fetch with what there is now. `isLast`: the reader fetches no more. */
  wake(reader: object, isLast = false): void {
    for (const fetch of this.#purgatory.of(reader)) this.#finish(fetch, this.#read(fetch).partitions)
    if (isLast) this.#forget(reader)
  }

  #forget(reader: object): void {
    const kept = this.#kept.get(reader)
    if (kept === undefined) return
    this.#kept.delete(reader)
    this.#abandoned.unregister(kept)
    kept.forgetAll()
  }

  close(error: unknown): void {
    for (const fetch of this.#purgatory.all()) this.#fail(fetch, error)
  }

  /** Not one whose batches are being read: it is served once that is done. */
  #serveAgain(fetch: DelayedFetch): void {
    if (fetch.preparing === 0 && this.#purgatory.has(fetch)) this.#serve(fetch)
  }

  #serve(fetch: DelayedFetch): void {
    let read: FetchRead
    let mayWait: boolean
    try {
      read = this.#read(fetch)
      mayWait = !read.hasMoved && fetch.request.wait && !this.#hasOthers(fetch.request)
    } catch (error) {
      return this.#fail(fetch, error)
    }
    if (read.missing.length > 0) return this.#prepare(fetch, read.missing)
    if (mayWait) this.#purgatory.add(fetch)
    else this.#finish(fetch, read.partitions)
  }

  #read({ request, positions, unreachable }: DelayedFetch): FetchRead {
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
   * Whether the topic has partitions that the reader doesn't know. Throws UNKNOWN_TOPIC_OR_PARTITION where one commit
   * deletes the topic and changes it before, and tells of that change first: until the delete is told, the partitions
   * have the name. (Later a topic that is gone has an error among those that were read.)
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
    this.#end(fetch)
    // The reader asks for them again: from where it has got to then.
    for (const each of partitions) fetch.positions.forget(each)
    fetch.done(undefined, partitions)
  }

  #fail(fetch: DelayedFetch, error: unknown): void {
    this.#end(fetch)
    fetch.done(error)
  }

  #end(fetch: DelayedFetch): void {
    const { positions } = fetch
    this.#purgatory.remove(fetch)
    positions.fetch = undefined
    if (!positions.isKept) positions.forgetAll()
  }
}
