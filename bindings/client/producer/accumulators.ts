import type { Broker } from '../../broker/broker.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import { whileAnswered } from '../while-answered.ts'
import { type BatchSettings, RecordAccumulator } from './record-accumulator.ts'

/** What a producer takes, and gives back at its end. */
export interface TakenAccumulator {
  readonly accumulator: RecordAccumulator
  readonly giveBack: () => Promise<void>
  /** `whileAnswered` of Broker. */
  readonly untilSilent: <T>(ending: Promise<T>) => Promise<T>
}

type ProducerBroker = Pick<Broker, 'openProducer' | 'whileAnswered'>

/** The accumulators of one log; each lives as long as a producer uses it. */
export class Accumulators {
  readonly #broker: ProducerBroker
  readonly #port: RuntimePort
  readonly #shared = new Map<string, { readonly accumulator: RecordAccumulator; users: number }>()

  constructor(broker: ProducerBroker, port: RuntimePort) {
    this.#broker = broker
    this.#port = port
  }

  /**
   * Returns the accumulator for these settings, and how to give it back. The last producer that gives it back closes
   * it.
   */
  take(settings: BatchSettings): TakenAccumulator {
    const key = `${settings.acks} ${settings.batchSizeBytes}`
    let shared = this.#shared.get(key)
    if (shared === undefined || shared.accumulator.isFenced) {
      shared = { accumulator: new RecordAccumulator(this.#broker, this.#port, settings), users: 0 }
      this.#shared.set(key, shared)
    }
    const { accumulator } = shared
    const taken = shared
    taken.users++
    const giveBack = async (): Promise<void> => {
      if (--taken.users > 0) return
      if (this.#shared.get(key) === taken) this.#shared.delete(key)
      await accumulator.close()
    }
    return { accumulator, giveBack, untilSilent: (ending) => whileAnswered(this.#broker, ending) }
  }
}
