import type { Broker } from '../../broker/broker.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import type { ShareSession } from '../../broker/share-session.ts'
import { deadLetterOf } from '../dead-letter.ts'
import type { Producer } from '../producer/producer-type.ts'
import type { Delivered } from './delivered.ts'
import type { ShareSettings } from './share-options.ts'
import { SharedRecord } from './shared-record.ts'
import { acknowledgeRange } from './shared-records.ts'

/** What a dead letter tells if the program gives no error. */
export const REJECTED: Error = Object.assign(new Error('the consumer rejected it'), { name: 'Rejected' })
export const TOO_OFTEN: Error = Object.assign(new Error('it was delivered as often as it may be'), {
  name: 'DeliveredTooOften',
})

export interface RejectionsParts {
  readonly broker: Broker
  readonly port: RuntimePort
  /** The producer of dead letters, asked for at the first one. */
  producer(): Producer
}

/** Gives records up: their dead letter is written first, and then they are rejected. */
export class Rejections {
  readonly #parts: RejectionsParts
  readonly #settings: ShareSettings
  readonly #delivered: Delivered
  readonly #underWay: Map<SharedRecord, Promise<void>> = new Map()
  #producer: Producer | undefined

  constructor(parts: RejectionsParts, settings: ShareSettings, delivered: Delivered) {
    this.#parts = parts
    this.#settings = settings
    this.#delivered = delivered
  }

  /** The records that are being given up, and when that ends. */
  get underWay(): ReadonlyMap<SharedRecord, Promise<void>> {
    return this.#underWay
  }

  async reject(session: ShareSession, record: SharedRecord, error: unknown): Promise<void> {
    const rejecting = this.#rejectBySteps(session, record, error)
    this.#underWay.set(record, rejecting)
    try {
      await rejecting
    } finally {
      this.#underWay.delete(record)
    }
  }

  /**
   * The dead letter is written first: a crash between the two steps then writes it twice rather than never. The write
   * may take longer than what is left of the lock, and another consumer that got the record meanwhile might accept it:
   * so the lock begins anew before.
   */
  async #rejectBySteps(session: ShareSession, record: SharedRecord, error: unknown): Promise<void> {
    const { deadLetter, groupId, maxDeliveries } = this.#settings
    const attempts = Math.min(record.deliveryCount, maxDeliveries)
    if (deadLetter !== undefined) {
      this.#producer ??= this.#parts.producer()
      await this.#renew(session, record)
      const givenUp = { topic: deadLetter, groupId, error, attempts }
      await this.#producer.send(await deadLetterOf(record, givenUp, this.#parts.broker.admin))
    }
    await acknowledgeRange(session, SharedRecord.placeOf(record), 'reject')
  }

  async #renew(session: ShareSession, record: SharedRecord): Promise<void> {
    const { lockMs } = this.#settings
    // Counted from before the request, as at the delivery: the lock never ends later by this clock than in the log.
    const lockedUntil = this.#parts.port.elapsed() + lockMs
    await acknowledgeRange(session, SharedRecord.placeOf(record), 'renew', lockMs)
    SharedRecord.renew(record, lockedUntil)
    this.#delivered.renewed(record)
  }

  /** Closes the producer of dead letters; `undefined` without one. */
  close(): Promise<void> | undefined {
    return this.#producer?.close()
  }
}
