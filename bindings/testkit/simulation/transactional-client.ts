import type { AppendResult } from '../../broker/producer-session.ts'
import type { OffsetsCommand, ProducerInstance } from '../../engine/commands.ts'
import type { Asked, SyncHost } from './sync-host.ts'

/** A transactional producer over an engine that the simulator drives; its calls wait for nothing but their answers. */
export class TransactionalClient {
  readonly transactionalId: string
  readonly #host: SyncHost
  readonly #timeoutMs: number
  /** Of all that it sends. */
  key: string | null = null
  #instance: ProducerInstance = { producerId: -1, producerEpoch: -1 }
  #sequences = new Map<string, number>()

  constructor(host: SyncHost, transactionalId: string, timeoutMs = 60_000) {
    this.#host = host
    this.transactionalId = transactionalId
    this.#timeoutMs = timeoutMs
  }

  get instance(): ProducerInstance {
    return this.#instance
  }

  /** For a retry of what an instance asked before. */
  as(instance: ProducerInstance): this {
    this.#instance = instance
    return this
  }

  init(): this {
    const { transactionalId } = this
    const timeoutMs = this.#timeoutMs
    const command = { kind: 'initTransactionalProducer', transactionalId, timeoutMs } as const
    this.#instance = this.#host.ask<ProducerInstance>((done) => ({ ...command, done }))
    return this
  }

  begin(): this {
    const instance = this.#instance
    this.#sequences = new Map()
    this.#host.ask<void>((done) => ({ kind: 'beginTransaction', instance, done }))
    return this
  }

  startSend(topic: string, partition: number, ...values: string[]): Asked<AppendResult> {
    const { producerId, producerEpoch } = this.#instance
    const place = `${topic}/${partition}`
    const baseSequence = this.#sequences.get(place) ?? 0
    this.#sequences.set(place, baseSequence + values.length)
    const records = values.map((value) => ({ key: this.key, value, timestamp: undefined, headers: undefined }))
    const request = { topic, partition, acks: 'all' as const, producerEpoch, baseSequence, records }
    return this.#host.start<AppendResult>((done) => {
      return { kind: 'append', producerId, request, isTransactional: true, done }
    })
  }

  /** Returns the offset of the first. */
  send(topic: string, partition: number, ...values: string[]): number {
    const sent = this.startSend(topic, partition, ...values)
    while (!sent.answered) if (!this.#host.advance()) throw new Error('a send has no answer')
    if (sent.error !== undefined) throw sent.error
    return sent.value?.baseOffset ?? -1
  }

  sendOffsets(request: OffsetsCommand): void {
    const instance = this.#instance
    this.#host.ask<void>((done) => ({ kind: 'sendOffsets', instance, request, done }))
  }

  /** The epoch goes on with the answer. */
  startEnd(event: 'commit' | 'abort'): Asked<ProducerInstance> {
    const instance = this.#instance
    return this.#host.start<ProducerInstance>(
      (done) => ({ kind: 'endTransaction', instance, event, done }),
      ({ value }) => {
        if (value !== undefined) this.#instance = value
      },
    )
  }

  end(event: 'commit' | 'abort'): ProducerInstance {
    const ended = this.startEnd(event)
    while (!ended.answered) if (!this.#host.advance()) throw new Error(`the ${event} has no answer`)
    if (ended.error !== undefined) throw ended.error
    return this.#instance
  }
}
