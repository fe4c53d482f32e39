import type { ConsumerSession } from '../../broker/consumer-session.ts'
import type { AppendRequest, AppendResult, ProducerSession } from '../../broker/producer-session.ts'
import type { TopicPosition } from '../../broker/reader-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import type { TransactionalSession } from '../../broker/transactional-session.ts'
import { LogError } from '../../model/errors.ts'
import type { ProducerInstance } from '../commands.ts'
import { missingBatch } from '../sessions/transactional-session.ts'
import { INSTANCE } from './answer-shapes.ts'
import { AttachedConsumer } from './attached-consumer.ts'
import { KnownTopics } from './known-topics.ts'
import type { Link } from './link.ts'
import type { MessageWriter } from './message-writer.ts'
import { readAppended, writeRecords } from './record-list.ts'
import { reading, readValue, writeInstance, writeValue } from './values.ts'

/**
 * A producer of a transactional id. When the holder dies, the next one aborts what is open, and answers a commit by
 * what was decided (durability rule 9).
 */
export class AttachedTransactionalProducer implements TransactionalSession {
  readonly #link: Link
  /** Kept from one transaction to the next. */
  readonly #topics: KnownTopics
  #instance: ProducerInstance

  constructor(link: Link, instance: ProducerInstance) {
    this.#link = link
    this.#topics = new KnownTopics(link)
    this.#instance = instance
  }

  async begin(): Promise<ProducerSession> {
    const instance = this.#instance
    await this.#link.call('beginTransaction', 0, (writer) => writeInstance(writer, instance), readValue)
    return new AttachedSends(this.#link, this.#topics, instance)
  }

  async sendOffsets(consumer: ConsumerSession, positions: readonly TopicPosition[], generation: number): Promise<void> {
    if (!(consumer instanceof AttachedConsumer) || consumer.link !== this.#link) {
      throw new LogError('INVALID_REQUEST', 'the consumer is of another log', { argument: 'consumer' })
    }
    const write = (writer: MessageWriter) => {
      writeInstance(writer, this.#instance)
      writeValue(writer.int32(generation), positions)
    }
    await this.#link.call('sendOffsets', consumer.session, write, readValue)
  }

  commit(): Promise<void> {
    return this.#end('commit')
  }

  abort(): Promise<void> {
    return this.#end('abort')
  }

  async #end(event: 'commit' | 'abort'): Promise<void> {
    const write = (writer: MessageWriter) => writeInstance(writer.text(event), this.#instance)
    this.#instance = await this.#link.call('endTransaction', 0, write, reading<ProducerInstance>(INSTANCE))
  }
}

class AttachedSends implements ProducerSession {
  readonly producerId: number
  readonly producerEpoch: number
  readonly #link: Link
  readonly #topics: KnownTopics

  constructor(link: Link, topics: KnownTopics, { producerId, producerEpoch }: ProducerInstance) {
    this.#link = link
    this.#topics = topics
    this.producerId = producerId
    this.producerEpoch = producerEpoch
  }

  topic(name: string): TopicFacts | Promise<TopicFacts> {
    return this.#topics.topic(name)
  }

  topicNow(name: string): Promise<TopicFacts> {
    return this.#topics.now(name)
  }

  append(request: AppendRequest): Promise<AppendResult> {
    const { topic, topicId = '', partition, baseSequence, records } = request
    const write = (writer: MessageWriter) => {
      writeInstance(writer, this)
      writer.text(topic).text(topicId).int32(partition).int32(baseSequence)
      writeRecords(writer, records)
    }
    return this.#link.call('appendInTransaction', 0, write, readAppended)
  }

  async bumpEpoch(): Promise<void> {
    throw missingBatch(this)
  }

  async close(): Promise<void> {}
}
