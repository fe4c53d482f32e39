import type { Broker } from '../../broker/broker.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import { placeKey, type TopicPartition } from '../../model/positions.ts'
import { LogTransactionalProducer } from '../transaction/transactional-producer.ts'

/**
 * The transactional producers of a processor, one for each partition that it reads. Their ids are made of group and
 * partition: no restart leaves further ids behind, and the member that gets a partition ends what its last reader left
 * open there.
 */
export class ProcessProducers {
  readonly #broker: Broker
  readonly #port: RuntimePort
  readonly #groupId: string
  readonly #transactionTimeoutMs: number
  readonly #producers: Map<string, LogTransactionalProducer> = new Map()

  constructor(broker: Broker, port: RuntimePort, groupId: string, transactionTimeoutMs: number) {
    this.#broker = broker
    this.#port = port
    this.#groupId = groupId
    this.#transactionTimeoutMs = transactionTimeoutMs
  }

  of(at: TopicPartition): LogTransactionalProducer {
    const known = this.#producers.get(placeKey(at))
    if (known !== undefined) return known
    // Topic names hold no slash but groups may: no two groups and topics make the same id.
    const transactionalId = `oncelog-process-${this.#groupId}/${at.topic}-${at.partition}`
    const options = { transactionalId, transactionTimeoutMs: this.#transactionTimeoutMs }
    const producer = new LogTransactionalProducer(this.#broker, this.#port, options, () => {})
    this.#producers.set(placeKey(at), producer)
    return producer
  }

  /** Another member has these partitions from now on, or a new producer is to begin. */
  async forget(partitions: readonly TopicPartition[]): Promise<void> {
    for (const at of partitions) {
      const producer = this.#producers.get(placeKey(at))
      this.#producers.delete(placeKey(at))
      await producer?.close().catch(() => {})
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#producers.values()].map((producer) => producer.close()))
  }
}
