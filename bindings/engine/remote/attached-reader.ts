import type { FetchedPartition, FetchRequest, ReaderSession, TopicPosition } from '../../broker/reader-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import { LogError } from '../../model/errors.ts'
import { placeKey } from '../../model/positions.ts'
import { KnownTopics } from './known-topics.ts'
import type { Link } from './link.ts'

/**
 * Reads through the holder, which keeps what the reader asks for. One that doesn't, as it is the next holder, is told
 * of all: by a `fetch`, which may be asked again of any other.
 */
export class AttachedReader implements ReaderSession {
  readonly session: number
  protected readonly link: Link
  readonly #closed: () => void
  readonly #topics: KnownTopics
  /** What the reader asks for from fetch to fetch, by partition. */
  #kept: Map<string, TopicPosition> = new Map()
  /** The holder keeps the same. */
  #isInStep = false
  #wakes = 0

  constructor(link: Link, session: number, closed: () => void) {
    this.link = link
    this.session = session
    this.#closed = closed
    this.#topics = new KnownTopics(link)
  }

  topic(name: string): TopicFacts | Promise<TopicFacts> {
    return this.#topics.topic(name)
  }

  topicNow(name: string): Promise<TopicFacts> {
    return this.#topics.now(name)
  }

  /** Without `memory`: what comes over the channel owns its bytes. */
  async fetch({ memory: _, ...request }: FetchRequest): Promise<readonly FetchedPartition[]> {
    const { positions, changes } = request
    const mayNameChanges = this.#isInStep && changes?.isFull === false
    this.#isInStep = false
    if (changes === undefined) return this.link.fetch('fetch', this.session, request)
    if (changes.isFull) this.#kept = new Map()
    const kept = this.#kept
    for (const each of changes.forgotten) kept.delete(placeKey(each))
    for (const each of positions) kept.set(placeKey(each), each)
    const fetched = (mayNameChanges && (await this.#fetchChanges(request))) || (await this.#fetchAll(request))
    // One that was woken brings nothing, though the holder may have answered it, and takes that for taken in.
    this.#isInStep = fetched.length > 0
    for (const each of fetched) kept.delete(placeKey(each))
    return fetched
  }

  /** `undefined` where the holder keeps nothing of the reader. */
  async #fetchChanges(request: FetchRequest): Promise<readonly FetchedPartition[] | undefined> {
    const wakes = this.#wakes
    try {
      return await this.link.fetch('poll', this.session, request)
    } catch (error) {
      if (LogError.is(error, 'UNKNOWN_MEMBER_ID')) return this.#wakes === wakes ? undefined : []
      throw error
    }
  }

  #fetchAll(request: FetchRequest): Promise<readonly FetchedPartition[]> {
    const all = { positions: [...this.#kept.values()], changes: { isFull: true, forgotten: [] } }
    return this.link.fetch('fetch', this.session, { ...request, ...all })
  }

  wake(): void {
    this.#wakes++
    this.link.wake(this.session)
  }

  async close(): Promise<void> {
    this.#closed()
    this.wake()
    this.link.tell('close', this.session)
  }
}
