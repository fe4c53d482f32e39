import type { AppendRequest, AppendResult, ProducerSession } from '../../broker/producer-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import { PRODUCER_EPOCH_MAX } from '../../model/records.ts'
import type { SessionHost } from './session-host.ts'

/** An idempotent producer of the log in this process. */
export class EmbeddedProducer implements ProducerSession {
  readonly #broker: SessionHost
  #producerId: number
  #producerEpoch = 0

  constructor(broker: SessionHost, producerId: number) {
    this.#broker = broker
    this.#producerId = producerId
  }

  get producerId(): number {
    return this.#producerId
  }

  get producerEpoch(): number {
    return this.#producerEpoch
  }

  topic(name: string): TopicFacts | Promise<TopicFacts> {
    return this.#broker.facts(name)
  }

  append(request: AppendRequest): Promise<AppendResult> {
    const { producerId } = this
    return this.#broker.ask((done) => ({ kind: 'append', producerId, request, isTransactional: false, done }))
  }

  appendBorrowed(request: AppendRequest): Promise<AppendResult> | undefined {
    const { producerId } = this
    return this.#broker.askUnlessRefused((done) => {
      return { kind: 'append', producerId, request, isTransactional: false, isBorrowed: true, done }
    })
  }

  async bumpEpoch(): Promise<void> {
    if (this.#producerEpoch < PRODUCER_EPOCH_MAX) {
      this.#producerEpoch++
      return
    }
    this.#producerId = await this.#broker.ask<number>((done) => ({ kind: 'openProducer', done }))
    this.#producerEpoch = 0
  }

  async close(): Promise<void> {}
}
