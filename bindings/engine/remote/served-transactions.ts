import type { ConsumerSession } from '../../broker/consumer-session.ts'
import type { AppendRequest, AppendResult } from '../../broker/producer-session.ts'
import type { TransactionalOptions } from '../../broker/transactional-session.ts'
import { LogError } from '../../model/errors.ts'
import type { Position } from '../../model/positions.ts'
import type { Callback, ProducerInstance } from '../commands.ts'
import { EmbeddedConsumer } from '../sessions/consumer-session.ts'
import type { EmbeddedBroker } from '../sessions/embedded-broker.ts'
import type { MessageReader } from './message-reader.ts'
import { readRecords } from './record-list.ts'
import { POSITIONS, TRANSACTIONAL } from './request-shapes.ts'
import { readCount, readInstance, readShaped } from './values.ts'

type Served = (session: number, reader: MessageReader) => Promise<unknown>

/** The transactions of one attached process. What is open when its channel ends is aborted. */
export class ServedTransactions {
  readonly calls: Readonly<Record<string, Served>>
  readonly #broker: EmbeddedBroker
  readonly #open: Map<number, ProducerInstance> = new Map()

  constructor(broker: EmbeddedBroker, member: (session: number) => ConsumerSession) {
    this.#broker = broker
    this.calls = {
      openTransactionalProducer: (_, reader) => this.#init(readShaped(reader, TRANSACTIONAL)),
      beginTransaction: (_, reader) => this.#begin(readInstance(reader)),
      sendOffsets: (session, reader) => this.#sendOffsets(member(session), reader),
      endTransaction: (_, reader) => this.#end(reader.text() === 'commit' ? 'commit' : 'abort', readInstance(reader)),
    }
  }

  /** The channel has ended: the process is gone, or asks again over another channel and is told of the abort there. */
  leave(): void {
    for (const instance of this.#open.values()) this.#end('abort', instance).catch(() => {})
  }

  #init({ transactionalId, timeoutMs }: TransactionalOptions): Promise<ProducerInstance> {
    return this.#broker.ask((done) => ({ kind: 'initTransactionalProducer', transactionalId, timeoutMs, done }))
  }

  #begin(instance: ProducerInstance): Promise<void> {
    return this.#broker.ask<void>((answer) => {
      const done: Callback<void> = (error) => {
        // Before the answer, which may be given a turn later: the channel may end meanwhile. Not one that is refused: a
        // newer producer of its id may have one open.
        if (error === undefined) this.#open.set(instance.producerId, instance)
        answer(error)
      }
      return { kind: 'beginTransaction', instance, done }
    })
  }

  append(reader: MessageReader): Promise<AppendResult> {
    const { producerId, producerEpoch } = readInstance(reader)
    const topic = reader.text()
    const topicId = reader.text() || undefined
    const partition = readCount(reader)
    const baseSequence = readCount(reader)
    const records = readRecords(reader)
    const request: AppendRequest = { topic, topicId, partition, acks: 'all', producerEpoch, baseSequence, records }
    return this.#broker.ask((done) => ({ kind: 'append', producerId, request, isTransactional: true, done }))
  }

  async #sendOffsets(consumer: ConsumerSession, reader: MessageReader): Promise<void> {
    const instance = readInstance(reader)
    const generation = reader.int32()
    const positions = readShaped<readonly Position[]>(reader, POSITIONS)
    if (!(consumer instanceof EmbeddedConsumer)) throw new LogError('INVALID_REQUEST', 'the consumer is of another log')
    const request = consumer.offsetsCommand(positions, generation)
    return this.#broker.ask((done) => ({ kind: 'sendOffsets', instance, request, done }))
  }

  async #end(event: 'commit' | 'abort', instance: ProducerInstance): Promise<ProducerInstance> {
    const ending = this.#broker.ask<ProducerInstance>((done) => {
      return { kind: 'endTransaction', instance, event, done }
    })
    // One that was fenced is over too; the newer producer of its id may be this process's as well.
    const forget = () => {
      const { producerId, producerEpoch } = instance
      if (this.#open.get(producerId)?.producerEpoch === producerEpoch) this.#open.delete(producerId)
    }
    await ending.then(forget, (error) => LogError.is(error) && error.category === 'fenced' && forget())
    return ending
  }
}
