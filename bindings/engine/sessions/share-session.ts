import type { FetchedPartition, FetchRequest } from '../../broker/reader-session.ts'
import type { AcknowledgeRequest, AcquiredRange, AcquireRequest, ShareSession } from '../../broker/share-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import type { ShareMember } from '../commands.ts'
import type { SessionHost } from './session-host.ts'

/** A consumer of a share group in this process. */
export class EmbeddedShare implements ShareSession {
  readonly isLost = false
  readonly #broker: SessionHost
  readonly #member: ShareMember
  #release: () => void = () => {}
  #acquiring: Promise<readonly AcquiredRange[]> | undefined
  #isClosing = false

  constructor(broker: SessionHost, member: ShareMember) {
    this.#broker = broker
    this.#member = member
  }

  topic(name: string): TopicFacts | Promise<TopicFacts> {
    return this.#broker.facts(name)
  }

  acquire(request: AcquireRequest): Promise<readonly AcquiredRange[]> {
    this.#acquiring = this.#acquire(request)
    return this.#acquiring
  }

  async #acquire(request: AcquireRequest): Promise<readonly AcquiredRange[]> {
    const release = () => this.#release()
    const ranges = await this.#broker.askWaiting<readonly AcquiredRange[]>(this, (done) => {
      return { kind: 'acquireShare', member: this.#member, request, release, done }
    })
    if (!this.#isClosing) return ranges
    // The session is closed, so nobody takes them any more: their delivery doesn't count.
    const unseen = ranges.map(({ waitedMs: _, ...range }) => this.acknowledge({ ...range, type: 'unseen', delayMs: 0 }))
    await Promise.allSettled(unseen)
    return []
  }

  onRelease(handler: () => void): void {
    this.#release = handler
  }

  acknowledge(request: AcknowledgeRequest): Promise<void> {
    return this.#broker.ask((done) => ({ kind: 'acknowledgeShare', member: this.#member, request, done }))
  }

  fetch(request: FetchRequest): Promise<readonly FetchedPartition[]> {
    return this.#broker.fetch(this, request)
  }

  wake(): void {
    this.#broker.submit({ kind: 'wake', reader: this })
    this.#broker.submit({ kind: 'wakeShare', member: this.#member, done: () => {} })
  }

  async close(): Promise<void> {
    this.#isClosing = true
    this.wake()
    await this.#acquiring?.catch(() => {})
    await this.#broker.ask<void>((done) => ({ kind: 'leaveShare', member: this.#member, done }))
  }
}
