import type { FetchedPartition, FetchRequest } from '../../broker/reader-session.ts'
import type { AcknowledgeRequest, AcquiredRange, AcquireRequest, ShareSession } from '../../broker/share-session.ts'
import { ACQUIRED } from './answer-shapes.ts'
import { AttachedReader } from './attached-reader.ts'
import { memberGone } from './lost-calls.ts'
import type { MessageWriter } from './message-writer.ts'
import { reading, readValue, writeValue } from './values.ts'

/** A consumer of a share group through the process that holds the log; its locks end with the channel. */
export class AttachedShare extends AttachedReader implements ShareSession {
  #release: () => void = () => {}
  #acquiring: Promise<readonly AcquiredRange[]> | undefined
  #isLost = false

  get isLost(): boolean {
    return this.#isLost
  }

  lost(): void {
    this.#isLost = true
  }

  release(): void {
    this.#release()
  }

  onRelease(handler: () => void): void {
    this.#release = handler
  }

  /**
   * Closes after an `acquire` that is under way: the consumer then releases its records, and for that the holder must
   * still know the session.
   */
  override async close(limitMs: number = 0): Promise<void> {
    this.wake()
    const acquiring = this.#isLost ? undefined : this.#acquiring?.catch(() => {})
    if (acquiring !== undefined) await this.link.within(limitMs, acquiring)
    await super.close()
  }

  acquire(request: AcquireRequest): Promise<readonly AcquiredRange[]> {
    this.#acquiring = this.#acquire(request)
    return this.#acquiring
  }

  async #acquire(request: AcquireRequest): Promise<readonly AcquiredRange[]> {
    this.#assertThere()
    const write = (writer: MessageWriter) => writeValue(writer, request)
    return this.link.call('acquire', this.session, write, reading<readonly AcquiredRange[]>(ACQUIRED))
  }

  async acknowledge(request: AcknowledgeRequest): Promise<void> {
    this.#assertThere()
    await this.link.call('acknowledge', this.session, (writer) => writeValue(writer, request), readValue)
  }

  /** Of records that it has locked: another holder knows neither the locks nor the session. */
  override async fetch(request: FetchRequest): Promise<readonly FetchedPartition[]> {
    this.#assertThere()
    return this.link.fetch('poll', this.session, request)
  }

  #assertThere(): void {
    if (this.#isLost) throw memberGone()
  }
}
