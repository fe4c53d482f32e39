import type { FetchedPartition, FetchRequest, ReaderSession, TopicPosition } from '../../broker/reader-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import { placeKey } from '../../model/positions.ts'
import { KnownTopics } from './known-topics.ts'
import type { Link } from './link.ts'

/**
 * Reads through the holder. A fetch that waits when the holder goes away is asked again of the next one, which knows
 * nothing of what the reader asked for before: so each of them names all positions.
 */
export class AttachedReader implements ReaderSession {
  readonly #link: Link
  /** What the reader asks for from fetch to fetch, by partition. */
  #kept: Map<string, TopicPosition> = new Map()
  readonly #session: number
  readonly #topics: KnownTopics

  constructor(link: Link, session: number) {
    this.#link = link
    this.#session = session
    this.#topics = new KnownTopics(link)
  }

  topic(name: string): TopicFacts | Promise<TopicFacts> {
    return this.#topics.topic(name)
  }

  topicNow(name: string): Promise<TopicFacts> {
    return this.#topics.now(name)
  }

  /** Without `memory`: what comes over the channel owns its bytes. */
  async fetch({ memory: _, changes, ...request }: FetchRequest): Promise<readonly FetchedPartition[]> {
    if (changes === undefined) return this.#link.fetch('fetch', this.#session, request)
    if (changes.isFull) this.#kept = new Map()
    const kept = this.#kept
    for (const each of changes.forgotten) kept.delete(placeKey(each))
    for (const each of request.positions) kept.set(placeKey(each), each)
    const positions = [...kept.values()]
    const fetched = await this.#link.fetch('fetch', this.#session, { ...request, positions })
    for (const each of fetched) kept.delete(placeKey(each))
    return fetched
  }

  wake(): void {
    this.#link.wake(this.#session)
  }

  async close(): Promise<void> {
    this.wake()
    this.#link.tell('close', this.#session)
  }
}
