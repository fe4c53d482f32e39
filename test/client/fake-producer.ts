import type { AppendRequest, AppendResult, ProducerSession } from '../../bindings/broker/producer-session.ts'
import type { TopicFacts } from '../../bindings/broker/topic-facts.ts'
import { isPacked } from '../../bindings/model/batch-records.ts'
import { LogError } from '../../bindings/model/errors.ts'
import type { FakeBroker } from './fake-broker.ts'
import { plainAppend } from './fake-partition.ts'

export class FakeProducer implements ProducerSession {
  producerEpoch = 0
  readonly producerId: number
  protected readonly broker: FakeBroker

  constructor(broker: FakeBroker, producerId: number) {
    this.broker = broker
    this.producerId = producerId
  }

  topic(name: string): TopicFacts | Promise<TopicFacts> {
    const outdated = this.broker.outdated.get(name)
    if (outdated !== undefined) return outdated
    if (!this.broker.answersLater) return this.broker.facts(name)
    return new Promise((resolve) => setImmediate(resolve)).then(() => this.broker.facts(name))
  }

  async append(asked: AppendRequest): Promise<AppendResult> {
    const request = plainAppend(asked)
    if (isPacked(asked.records)) this.broker.packed.push(request.records.length)
    this.broker.assertOpen()
    const fault = this.broker.fault(request, this.broker.appends.length)
    this.broker.appends.push(request)
    const appendTime = this.broker.port.now()
    // As in the log: whatever is wrong with a batch, its duplicate was written.
    if (fault?.kind === 'refuse' && !this.broker.partition(request).isRepeated(this.producerId, request))
      throw fault.error
    if (fault?.kind === 'drop') throw new LogError('MEMORY_CAP_REACHED', 'dropped')
    this.#assertSameTopic(request)
    const baseOffset = this.broker.partition(request).append(this.producerId, request, appendTime)
    this.broker.moved()
    if (fault?.kind === 'fail') throw fault.error
    if (fault?.kind === 'lose') throw new LogError('MEMORY_CAP_REACHED', 'the answer is lost')
    if (fault?.kind === 'hold') await fault.until
    return { baseOffset, appendTime }
  }

  /** Its answer tells of the new topic, as those of a holder do. */
  #assertSameTopic({ topic, topicId }: AppendRequest): void {
    if (topicId === undefined || topicId === this.broker.facts(topic).topicId) return
    this.broker.outdated.delete(topic)
    throw new LogError('UNKNOWN_TOPIC_ID', 'another topic has the name')
  }

  async bumpEpoch(): Promise<void> {
    this.broker.epochsBumped++
    if (this.broker.bumpError !== undefined) throw this.broker.bumpError
    this.producerEpoch++
  }

  async close(): Promise<void> {
    this.broker.producersClosed++
  }
}

/** Of a log in the same process. */
export class LendingProducer extends FakeProducer {
  /** Encoded as it is now, like the log's own; refused, and nothing happens, unless the broker borrows. */
  appendBorrowed(asked: AppendRequest): Promise<AppendResult> | undefined {
    if (!this.broker.borrows()) return undefined
    this.broker.borrowed.push(plainAppend(asked).records.length)
    return this.append(asked)
  }
}
