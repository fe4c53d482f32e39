import type { AppendRequest, AppendResult, ProducerSession, TopicFacts } from '../../broker/broker.ts'
import type { SessionHost } from './session-host.ts'

/** An idempotent producer of the log in this process. */
export class EmbeddedProducer implements ProducerSession {
  readonly producerId: number
  readonly #broker: SessionHost
  #producerEpoch = 0

  constructor(broker: SessionHost, producerId: number) {
    this.#broker = broker
    this.producerId = producerId
  }

  get producerEpoch(): number {
    return this.#producerEpoch
  }

  topic(name: string): TopicFacts {
    return this.#broker.engine.topics.facts(name)
  }

  append(request: AppendRequest): Promise<AppendResult> {
    const { producerId } = this
    return this.#broker.ask((done) => ({ kind: 'append', producerId, request, isTransactional: false, done }))
  }

  async bumpEpoch(): Promise<void> {
    this.#producerEpoch++
  }

  async close(): Promise<void> {}
}
