import type { FetchedPartition, FetchRequest, ReaderSession } from '../../broker/reader-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import { KnownTopics } from './known-topics.ts'
import type { Link } from './link.ts'

/** Reads through the holder. A fetch that waits when the holder goes away is asked again of the next one. */
export class AttachedReader implements ReaderSession {
  readonly #link: Link
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
  fetch({ memory: _, ...request }: FetchRequest): Promise<readonly FetchedPartition[]> {
    return this.#link.fetch('fetch', this.#session, request)
  }

  wake(): void {
    this.#link.wake(this.#session)
  }

  async close(): Promise<void> {
    this.wake()
    this.#link.tell('close', this.#session)
  }
}
