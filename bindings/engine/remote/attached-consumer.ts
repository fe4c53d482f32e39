import type { ConsumerSession, GivenPartition, JoinedGroup, MemberAssignment } from '../../broker/consumer-session.ts'
import type { FetchedPartition, FetchRequest, TopicPosition } from '../../broker/reader-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import { LogError } from '../../model/errors.ts'
import type { TopicPartition } from '../../model/positions.ts'
import { COMMITTED, GIVEN, JOINED, NOTHING } from './answer-shapes.ts'
import { KnownTopics } from './known-topics.ts'
import type { Link } from './link.ts'
import { memberGone } from './lost-calls.ts'
import type { MessageWriter } from './message-writer.ts'
import type { Shape } from './shapes.ts'
import { reading, writeValue } from './values.ts'

/**
 * A close waits no longer than this, in milliseconds, for a holder that is stopped: it puts the member out when it goes
 * on, or when the channel ends.
 */
const CLOSE_LIMIT_MS = 5000

/** A member of a group over one channel. When the channel ends the member is out, and a new session joins anew. */
export class AttachedConsumer implements ConsumerSession {
  readonly link: Link
  readonly session: number
  readonly #topics: KnownTopics
  readonly #closed: () => void
  #rebalance: () => void = () => {}
  #isLost = false
  #fetches = 0
  isOutOfStep = false

  constructor(link: Link, session: number, closed: () => void) {
    this.#closed = closed
    this.link = link
    this.session = session
    this.#topics = new KnownTopics(link)
  }

  rebalance(): void {
    this.#rebalance()
  }

  /** Makes the client call, so that it learns that the member is out. */
  lost(): void {
    this.#isLost = true
    this.#rebalance()
  }

  topic(name: string): TopicFacts | Promise<TopicFacts> {
    return this.#topics.topic(name)
  }

  onRebalance(handler: () => void): void {
    this.#rebalance = handler
  }

  join(owned: readonly TopicPartition[]): Promise<JoinedGroup> {
    return this.#ask('join', JOINED, (writer) => writeValue(writer, owned))
  }

  sync(generation: number, assignments: readonly MemberAssignment[]): Promise<readonly GivenPartition[]> {
    return this.#ask('sync', GIVEN, (writer) => writeValue(writer.int32(generation), assignments))
  }

  async committed(
    at: readonly GivenPartition[],
    { requireStable }: { readonly requireStable: boolean },
  ): Promise<readonly (number | undefined)[]> {
    return this.#ask('committed', COMMITTED, (writer) => writeValue(writer.uint8(requireStable ? 1 : 0), at))
  }

  commit(offsets: readonly TopicPosition[], generation: number): Promise<void> {
    return this.#ask('commit', NOTHING, (writer) => writeValue(writer.int32(generation), offsets))
  }

  async fetch(request: FetchRequest): Promise<readonly FetchedPartition[]> {
    this.#assertThere()
    this.isOutOfStep = false
    this.#fetches++
    try {
      return await this.link.fetch('poll', this.session, request)
    } finally {
      this.#fetches--
    }
  }

  /** Ends the fetch on this side at once: the holder may have answered it, and takes that for taken in. */
  wake(): void {
    if (this.#fetches > 0) this.isOutOfStep = true
    this.link.wake(this.session)
  }

  async close(): Promise<void> {
    this.#rebalance = () => {}
    this.#closed()
    if (this.#isLost) return
    this.wake()
    await this.link.callWithin(CLOSE_LIMIT_MS, 'close', this.session).catch((error: unknown) => {
      // The channel has ended, and the membership with it.
      if (!LogError.is(error, 'NETWORK_EXCEPTION', 'LOG_CLOSED')) throw error
    })
  }

  #assertThere(): void {
    if (this.#isLost) throw memberGone()
  }

  /** `shape`: the answer's. */
  async #ask<T>(method: string, shape: Shape, write: (writer: MessageWriter) => void): Promise<T> {
    this.#assertThere()
    return this.link.call(method, this.session, write, reading<T>(shape))
  }
}
