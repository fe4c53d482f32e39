import type { ProducerSession } from '../../broker/producer-session.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import { LogProducer } from '../producer/producer.ts'
import { type ProducerOptions, producerSettings } from '../producer/producer-options.ts'
import { RecordAccumulator } from '../producer/record-accumulator.ts'

/**
 * The sends of one producer's transactions, one transaction after the other: what it knows of topics and partitions is
 * kept from one to the next.
 */
export class TransactionSender {
  readonly #port: RuntimePort
  readonly #options: ProducerOptions
  #current: { readonly accumulator: RecordAccumulator; readonly producer: LogProducer } | undefined

  constructor(port: RuntimePort, options: ProducerOptions) {
    this.#port = port
    this.#options = options
  }

  /** For the next transaction, whose sends go through `session` with sequences from 0. */
  begin(session: ProducerSession): LogProducer {
    if (this.#current === undefined) this.#current = this.#make(session)
    else this.#current.accumulator.beginTransaction(session)
    return this.#current.producer
  }

  #make(session: ProducerSession): { readonly accumulator: RecordAccumulator; readonly producer: LogProducer } {
    const accumulator = RecordAccumulator.over(session, this.#port, producerSettings(this.#options))
    // Who closes the transactional producer waits for the end of the transaction.
    const untilSilent = <T>(ending: Promise<T>) => ending
    const take = () => ({ accumulator, giveBack: () => accumulator.close(), untilSilent })
    const producer = new LogProducer({ take }, this.#port, this.#options, { isWhole: true })
    return { accumulator, producer }
  }

  /** Not everything that was sent was written: the next transaction starts without what is known. */
  failed(): void {
    this.#current = undefined
  }
}
