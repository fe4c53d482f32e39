import type { AppendRequest, AppendResult, ProducerSession } from '../../broker/producer-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import { PRODUCER_EPOCH_MAX } from '../../model/records.ts'
import type { ProducerInstance } from '../commands.ts'
import { INSTANCE } from './answer-shapes.ts'
import { KnownTopics } from './known-topics.ts'
import type { Link } from './link.ts'
import { readAppended, writeRecords } from './record-list.ts'
import { reading } from './values.ts'

/**
 * A producer over the channel. Its producer id outlives the holder that gave it: the next holder knows its batches by
 * it, and recognises a retry.
 */
export class AttachedProducer implements ProducerSession {
  readonly #link: Link
  readonly #topics: KnownTopics
  #instance: ProducerInstance

  constructor(link: Link, instance: ProducerInstance) {
    this.#link = link
    this.#topics = new KnownTopics(link)
    this.#instance = instance
  }

  static async open(link: Link): Promise<AttachedProducer> {
    return new AttachedProducer(link, await newInstance(link))
  }

  get producerId(): number {
    return this.#instance.producerId
  }

  get producerEpoch(): number {
    return this.#instance.producerEpoch
  }

  topic(name: string): TopicFacts | Promise<TopicFacts> {
    return this.#topics.topic(name)
  }

  topicNow(name: string): Promise<TopicFacts> {
    return this.#topics.now(name)
  }

  append(request: AppendRequest): Promise<AppendResult> {
    const { topic, topicId = '', partition, acks, producerEpoch, baseSequence, records } = request
    return this.#link.call(
      'append',
      0,
      (writer) => {
        writer
          .float64(this.producerId)
          .text(topic)
          .text(topicId)
          .int32(partition)
          .uint8(acks === 1 ? 1 : 0)
        writer.int32(producerEpoch).int32(baseSequence)
        writeRecords(writer, records)
      },
      readAppended,
    )
  }

  async bumpEpoch(): Promise<void> {
    const { producerId, producerEpoch } = this.#instance
    const isLast = producerEpoch === PRODUCER_EPOCH_MAX
    this.#instance = isLast ? await newInstance(this.#link) : { producerId, producerEpoch: producerEpoch + 1 }
  }

  async close(): Promise<void> {}
}

function newInstance(link: Link): Promise<ProducerInstance> {
  return link.call('openProducer', 0, () => {}, reading<ProducerInstance>(INSTANCE))
}
