import type { AcknowledgeRequest, AcquiredRange, AcquireRequest, ShareSession } from '../../broker/share-session.ts'
import { AttachedReader } from './attached-reader.ts'
import type { Link } from './link.ts'
import { readValue, writeValue } from './values.ts'

/** A consumer of a share group through the process that holds the log; its locks end with the channel. */
export class AttachedShare extends AttachedReader implements ShareSession {
  readonly #link: Link
  readonly #session: number
  readonly #closed: () => void
  #release: () => void = () => {}
  #isLost = false

  constructor(link: Link, session: number, closed: () => void) {
    super(link, session)
    this.#link = link
    this.#session = session
    this.#closed = closed
  }

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

  override async close(): Promise<void> {
    this.#closed()
    await super.close()
  }

  async acquire(request: AcquireRequest): Promise<readonly AcquiredRange[]> {
    const ranges = await this.#link.call('acquire', this.#session, (writer) => writeValue(writer, request), readValue)
    return ranges as unknown as readonly AcquiredRange[]
  }

  async acknowledge(request: AcknowledgeRequest): Promise<void> {
    await this.#link.call('acknowledge', this.#session, (writer) => writeValue(writer, request), readValue)
  }
}
