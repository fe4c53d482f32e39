import type { AppendRequest, AppendResult, ProducerSession } from '../../broker/producer-session.ts'
import type { FetchedPartition, FetchRequest, ReaderSession } from '../../broker/reader-session.ts'
import type { TopicFacts } from '../../broker/topic-facts.ts'
import { PRODUCER_EPOCH_MAX } from '../../model/records.ts'
import type { ProducerInstance } from '../commands.ts'
import type { Link } from './link.ts'
import { readAppended, writeRecords } from './record-list.ts'
import { readValue, writeValue } from './values.ts'

/** What is known of the holder's topics, until it says that they have changed. */
export class KnownTopics {
  readonly #link: Link
  readonly #facts: Map<string, TopicFacts> = new Map()
  #version = ''

  constructor(link: Link) {
    this.#link = link
  }

  topic(name: string): TopicFacts | Promise<TopicFacts> {
    if (this.#version !== this.#link.topicsVersion) this.#facts.clear()
    this.#version = this.#link.topicsVersion
    return this.#facts.get(name) ?? this.#ask(name)
  }

  async #ask(name: string): Promise<TopicFacts> {
    const facts = await this.#link.call('describeTopic', 0, (writer) => writeValue(writer, [name]), readValue)
    this.#facts.set(name, facts as unknown as TopicFacts)
    return facts as unknown as TopicFacts
  }
}

/** The producer id outlives the holder that gave it: the next one knows its batches by it, and recognises a retry. */
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

  append({ topic, partition, acks, producerEpoch, baseSequence, records }: AppendRequest): Promise<AppendResult> {
    return this.#link.call(
      'append',
      0,
      (writer) => {
        writer
          .float64(this.producerId)
          .text(topic)
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

async function newInstance(link: Link): Promise<ProducerInstance> {
  return (await link.call('openProducer', 0, () => {}, readValue)) as unknown as ProducerInstance
}

export class AttachedReader implements ReaderSession {
  readonly #link: Link
  readonly #session: number
  readonly #topics: KnownTopics

  constructor(link: Link, session: number) {
    this.#link = link
    this.#session = session
    this.#topics = new KnownTopics(link)
  }

  topic(name: string): TopicFacts | Promise<TopicFacts> {
    return this.#topics.topic(name)
  }

  /** Without `memory`: what comes over the channel owns its bytes. */
  fetch({ memory: _, ...request }: FetchRequest): Promise<readonly FetchedPartition[]> {
    return this.#link.fetch('fetch', this.#session, request)
  }

  wake(): void {
    this.#link.wake(this.#session)
  }

  async close(): Promise<void> {
    this.wake()
    this.#link.tell('close', this.#session)
  }
}
