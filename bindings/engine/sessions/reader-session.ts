import type { FetchedPartition, FetchRequest, ReaderSession } from '../../broker/reader-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import type { SessionHost } from './session-host.ts'

/** Fetches from the log in this process; `wake` and `close` end the one that waits. */
export class EmbeddedReader implements ReaderSession {
  readonly #broker: SessionHost

  constructor(broker: SessionHost) {
    this.#broker = broker
  }

  topic(name: string): TopicFacts | Promise<TopicFacts> {
    return this.#broker.facts(name)
  }

  fetch(request: FetchRequest): Promise<readonly FetchedPartition[]> {
    return this.#broker.fetch(this, request)
  }

  wake(): void {
    this.#broker.submit({ kind: 'wake', reader: this })
  }

  async close(): Promise<void> {
    this.#broker.submit({ kind: 'wake', reader: this, isLast: true })
  }
}
