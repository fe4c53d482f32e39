import type { ConsumerSession } from '../../broker/consumer-session.ts'
import type { AppendRequest, AppendResult, ProducerSession } from '../../broker/producer-session.ts'
import type { TopicPosition } from '../../broker/reader-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import type { TransactionalSession } from '../../broker/transactional-session.ts'
import { LogError } from '../../model/errors.ts'
import type { Callback, ProducerInstance } from '../commands.ts'
import { EmbeddedConsumer } from './consumer-session.ts'
import type { SessionHost } from './session-host.ts'

/** A producer of a transactional id of the log in this process. */
export class EmbeddedTransactionalProducer implements TransactionalSession {
  readonly #broker: SessionHost
  #instance: ProducerInstance

  constructor(broker: SessionHost, instance: ProducerInstance) {
    this.#broker = broker
    this.#instance = instance
  }

  begin(): Promise<ProducerSession> {
    const instance = this.#instance
    return this.#broker.ask((answer) => {
      const done: Callback<void> = (error) => answer(error, new TransactionSends(this.#broker, instance))
      return { kind: 'beginTransaction', instance, done }
    })
  }

  sendOffsets(consumer: ConsumerSession, positions: readonly TopicPosition[], generation: number): Promise<void> {
    if (!(consumer instanceof EmbeddedConsumer) || consumer.host !== this.#broker) {
      const message = 'the consumer is of another log'
      return Promise.reject(new LogError('INVALID_REQUEST', message, { argument: 'consumer' }))
    }
    const instance = this.#instance
    const request = consumer.offsetsCommand(positions, generation)
    return this.#broker.ask((done) => ({ kind: 'sendOffsets', instance, request, done }))
  }

  commit(): Promise<void> {
    return this.#end('commit')
  }

  abort(): Promise<void> {
    return this.#end('abort')
  }

  #end(event: 'commit' | 'abort'): Promise<void> {
    const instance = this.#instance
    return this.#broker.ask((answer) => {
      const done: Callback<ProducerInstance> = (error, next) => {
        this.#instance = next ?? instance
        answer(error)
      }
      return { kind: 'endTransaction', instance, event, done }
    })
  }
}

class TransactionSends implements ProducerSession {
  readonly producerId: number
  readonly producerEpoch: number
  readonly #broker: SessionHost

  constructor(broker: SessionHost, { producerId, producerEpoch }: ProducerInstance) {
    this.#broker = broker
    this.producerId = producerId
    this.producerEpoch = producerEpoch
  }

  topic(name: string): TopicFacts | Promise<TopicFacts> {
    return this.#broker.facts(name)
  }

  append(request: AppendRequest): Promise<AppendResult> {
    const { producerId } = this
    return this.#broker.ask((done) => ({ kind: 'append', producerId, request, isTransactional: true, done }))
  }

  appendBorrowed(request: AppendRequest): Promise<AppendResult> | undefined {
    const { producerId } = this
    return this.#broker.askUnlessRefused((done) => {
      return { kind: 'append', producerId, request, isTransactional: true, isBorrowed: true, done }
    })
  }

  async bumpEpoch(): Promise<void> {
    throw missingBatch(this)
  }

  async close(): Promise<void> {}
}

/** The epoch of an open transaction can't change, so a gap in its sequences ends it. */
export function missingBatch({ producerId, producerEpoch }: ProducerInstance): LogError {
  const message = `a batch of the transaction of producer ${producerId} is missing`
  return new LogError('TRANSACTION_ABORTABLE', message, { producerId, producerEpoch })
}
