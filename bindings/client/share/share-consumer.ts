import type { AcquiredRange, ShareSession } from '../../broker/share-session.ts'
import { LogError } from '../../model/errors.ts'
import { within } from '../../model/timers.ts'
import { consumerClosed } from '../closed.ts'
import { type Decoder, decoderOf } from '../consumer/consumed-record.ts'
import { checkDeadLetters } from '../dead-letter.ts'
import { type ItemSource, Iteration } from '../iteration.ts'
import { abortable, abortReason, signalOf, throwIfAborted, wokenBy } from '../signals.ts'
import type { TopicRef } from '../topic/topic.ts'
import { type AcknowledgeOptions, type AcknowledgeType, checkAcknowledge } from './acknowledge-options.ts'
import { Delivered } from './delivered.ts'
import { REJECTED, Rejections, type RejectionsParts, TOO_OFTEN } from './rejections.ts'
import type { ShareConsumer, SharedRecordOf } from './share-consumer-type.ts'
import { type ShareConsumerOptions, type ShareSettings, shareSettings } from './share-options.ts'
import { SharedRecord } from './shared-record.ts'
import { acknowledgeRange, sharedRecords } from './shared-records.ts'
import { Undelivered } from './undelivered.ts'

/**
 * A close waits no longer than this, in milliseconds, for what it releases, and for rejections that are under way with
 * their dead letters: the holder may be stopped.
 */
const CLOSE_LIMIT_MS = 5000

export interface ShareParts extends RejectionsParts {
  closed(): void
}

export class GroupShareConsumer<T extends TopicRef> implements ShareConsumer<T> {
  readonly #parts: ShareParts
  readonly #settings: ShareSettings
  readonly #signal: ShareConsumerOptions<T>['signal']
  readonly #decoders: ReadonlyMap<string, Decoder>
  readonly #delivered: Delivered = new Delivered()
  readonly #undelivered: Undelivered = new Undelivered()
  readonly #rejections: Rejections
  #session: ShareSession | undefined
  /** The session that the closing log asked to give back undelivered records: it acquires no more. */
  #released: ShareSession | undefined
  #isIterating = false
  /** Of an iteration that was left it may still wait for the holder. */
  #acquiring: Promise<void> | undefined
  /** Ends what the iteration waits for. */
  #endWaiting = (): void => {}
  #closing: Promise<void> | undefined

  constructor(parts: ShareParts, options: ShareConsumerOptions<T>) {
    this.#parts = parts
    this.#settings = shareSettings(options)
    this.#rejections = new Rejections(parts, this.#settings, this.#delivered)
    this.#signal = signalOf(options)
    this.#decoders = new Map(options.topics.map(decoderOf).map((decoder) => [decoder.topic, decoder]))
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<SharedRecordOf<T>, undefined, undefined> {
    return new Iteration(this.#deliveries())
  }

  /** The records of one iteration. */
  #deliveries(): ItemSource<SharedRecordOf<T>> {
    let hasBegun = false
    let isStopped = false
    const wake = () => this.#session?.wake()
    const begin = () => {
      if (hasBegun) return
      this.#assertOpen()
      if (this.#isIterating) throw new LogError('CONSUMER_BUSY', 'one iteration at a time: end the other one first')
      this.#isIterating = true
      hasBegun = true
    }
    return {
      take: () => {
        throwIfAborted(this.#signal)
        begin()
        return this.#nextLocked() as unknown as SharedRecordOf<T> | undefined
      },
      more: async () => {
        const acquire = () => this.#untilLeft(this.#acquireOnce(() => isStopped))
        // What it still locks after the signal is given back by the close.
        if (!isStopped && this.#closing === undefined)
          await abortable(wokenBy([this.#signal], wake, acquire), this.#signal)
        throwIfAborted(this.#signal)
        return !isStopped && this.#closing === undefined
      },
      stop: () => {
        isStopped = true
        wake()
        this.#endWaiting()
      },
      end: async () => {
        if (hasBegun) this.#isIterating = false
      },
    }
  }

  /**
   * Settles as `acquiring`, or once the iteration is left or the consumer closed: its close may have given up waiting
   * for a holder.
   */
  #untilLeft(acquiring: Promise<void>): Promise<void> {
    const left = new Promise<void>((resolve) => {
      this.#endWaiting = resolve
    })
    return Promise.race([acquiring, left])
  }

  /** As `#acquire`, one at a time: what comes for an iteration that was left is the next one's. */
  #acquireOnce(isStopped: () => boolean): Promise<void> {
    this.#acquiring ??= this.#acquire(isStopped).finally(() => {
      this.#acquiring = undefined
    })
    return this.#acquiring
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw consumerClosed(this.#settings.groupId)
  }

  /** The next record. One whose lock ended while it waited belongs to another consumer by now. */
  #nextLocked(): SharedRecord | undefined {
    const session = this.#session
    for (let record = this.#undelivered.next(); record !== undefined; record = this.#undelivered.next()) {
      if (session === undefined || !this.#isLocked(session, record)) continue
      this.#delivered.add(record, session, this.#parts.port.elapsed())
      return record
    }
    return undefined
  }

  #isLocked(session: ShareSession, record: SharedRecord): boolean {
    return !session.isLost && SharedRecord.lockedUntil(record) > this.#parts.port.elapsed()
  }

  /**
   * Waits for records. If the log has another holder since, the locks are gone and a new session begins. `isStopped`:
   * whether the iteration was left.
   */
  async #acquire(isStopped: () => boolean): Promise<void> {
    const { maxRecords: maxOffsets, lockMs, startAt, groupId, deadLetter } = this.#settings
    try {
      if (this.#session === undefined) await checkDeadLetters(deadLetter, this.#parts.broker.admin)
      if (this.#closing !== undefined) return
      const session = this.#session ?? (await this.#open(groupId))
      // A close that came while the session was opened may not have known of it.
      if (this.#closing !== undefined) return await session.close()
      // A signal that aborts now could wake no wait, nor could who leaves the iteration: the wait hasn't begun.
      if (this.#signal?.aborted) throw abortReason(this.#signal)
      if (isStopped()) return
      const askedAt = this.#parts.port.elapsed()
      const request = { topics: [...this.#decoders.keys()], maxOffsets, lockMs, startAt }
      await this.#receiveAll(session, await session.acquire(request), askedAt)
    } catch (error) {
      // The consumer was closed as a dead letter was about to be written: its record is delivered again.
      if (this.#closing !== undefined && LogError.is(error, 'PRODUCER_CLOSED')) return
      if (!LogError.is(error, 'UNKNOWN_MEMBER_ID')) throw error
      this.#session = undefined
      this.#undelivered.clear()
      this.#delivered.clear()
    }
  }

  async #open(groupId: string): Promise<ShareSession> {
    const session = await this.#parts.broker.openShare(groupId)
    session.onRelease(() => {
      this.#released = session
      this.#undelivered.giveBack(session).catch(() => {})
    })
    this.#session = session
    return session
  }

  async #receiveAll(session: ShareSession, ranges: readonly AcquiredRange[], askedAt: number): Promise<void> {
    this.#undelivered.add(ranges)
    if (this.#closing !== undefined) return this.#undelivered.giveBack(session)
    for (const range of ranges) {
      try {
        await this.#receive(session, range, askedAt)
      } catch (error) {
        // Only the range that failed stays locked: released it would be delivered again at once, and fail in place of
        // all others.
        this.#undelivered.endReading(range)
        await this.#undelivered.giveBack(session)
        throw error
      }
    }
    if (this.#released === session) await this.#undelivered.giveBack(session)
  }

  async #receive(session: ShareSession, range: AcquiredRange, askedAt: number): Promise<void> {
    const decoder = this.#decoders.get(range.topic)
    if (decoder === undefined || !this.#undelivered.isUnread(range)) return
    // Counted from the request and not from its answer, which may lie unread for long: so the lock never ends later by
    // this clock than in the log.
    const lockedUntil = askedAt + range.waitedMs + this.#settings.lockMs
    const records = await sharedRecords(session, range, decoder, lockedUntil)
    if (!this.#undelivered.endReading(range)) return
    if (range.deliveryCount <= this.#settings.maxDeliveries) this.#undelivered.push(records)
    else await this.#giveUpAll(session, records)
  }

  /** One after the other: where one fails, or the consumer closes, those after it are released. */
  async #giveUpAll(session: ShareSession, records: readonly SharedRecord[]): Promise<void> {
    this.#undelivered.mustGiveUp(records)
    for (let next = this.#undelivered.nextToGiveUp(); next !== undefined; next = this.#undelivered.nextToGiveUp()) {
      await this.#giveUpIfLocked(session, next)
    }
  }

  /**
   * Writing the dead letters before this one may have taken longer than its lock: then the log refuses to renew it, and
   * it is left to its next consumer.
   */
  async #giveUpIfLocked(session: ShareSession, record: SharedRecord): Promise<void> {
    if (this.#closing !== undefined) return
    try {
      await this.#rejections.reject(session, record, TOO_OFTEN)
    } catch (error) {
      if (!LogError.is(error, 'INVALID_RECORD_STATE')) throw error
    }
  }

  async acknowledge(record: SharedRecordOf<T>, type: AcknowledgeType, options: AcknowledgeOptions = {}): Promise<void> {
    this.#assertOpen()
    const { delayMs = 0, error } = checkAcknowledge(type, options)
    const shared = record as unknown as SharedRecord
    const session = this.#delivered.sessionOf(shared)
    if (session === undefined) {
      throw new LogError('INVALID_REQUEST', 'record must be a record that this consumer delivered', {
        argument: 'record',
      })
    }
    if (session !== this.#session || session.isLost) throw lockEnded(shared)
    if (this.#rejections.underWay.has(shared)) throw beingRejected(shared)
    // After the last delivery the dead letter is written here, where it is known why the record failed.
    const isLast = type === 'release' && shared.deliveryCount >= this.#settings.maxDeliveries
    // Another consumer may have the record by now, and may accept it: so no dead letter is written.
    if ((type === 'reject' || isLast) && !this.#isLocked(session, shared)) throw lockEnded(shared)
    try {
      if (type === 'reject') await this.#rejections.reject(session, shared, error ?? REJECTED)
      else if (isLast) await this.#rejections.reject(session, shared, error ?? TOO_OFTEN)
      else await acknowledgeRange(session, SharedRecord.placeOf(shared), type, delayMs)
      this.#delivered.acknowledged(shared)
    } catch (error) {
      throw LogError.is(error, 'UNKNOWN_MEMBER_ID') ? holderEnded(shared, type) : error
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const session = this.#session
    const until = this.#parts.port.elapsed() + CLOSE_LIMIT_MS
    try {
      if (session !== undefined) await this.#leave(session, until)
      const closing = this.#rejections.close()
      if (closing !== undefined) await this.#waitFor(closing, until)
    } finally {
      this.#endWaiting()
      this.#parts.closed()
    }
  }

  async #leave(session: ShareSession, until: number): Promise<void> {
    session.wake()
    const { underWay } = this.#rejections
    const releasing = [this.#undelivered.giveBack(session), this.#delivered.release(session, underWay)]
    // A record that is released between the two steps would be delivered again although it has a dead letter.
    await this.#waitFor(Promise.allSettled([...releasing, ...underWay.values()]), until)
    await session.close(this.#leftMs(until))
  }

  #leftMs(until: number): number {
    return Math.max(0, until - this.#parts.port.elapsed())
  }

  /** Rejects as `ending` does, unless `until` comes first. */
  async #waitFor(ending: Promise<unknown>, until: number): Promise<void> {
    await within(this.#parts.port, this.#leftMs(until), ending)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** The lock ended with the holder, which may have taken the acknowledgement before. */
function holderEnded({ topic, partition, offset }: SharedRecord, type: AcknowledgeType): LogError {
  const what = `whether ${type} of offset ${offset} of ${topic}-${partition} was done is unknown`
  return new LogError('INVALID_RECORD_STATE', `the holder of the log went away: ${what}`, { topic, partition, offset })
}

function beingRejected({ topic, partition, offset }: SharedRecord): LogError {
  const message = `offset ${offset} of ${topic}-${partition} is being rejected by an earlier call`
  return new LogError('INVALID_RECORD_STATE', message, { topic, partition, offset })
}

function lockEnded({ topic, partition, offset }: SharedRecord): LogError {
  const message = `offset ${offset} of ${topic}-${partition} is no longer locked by this consumer`
  return new LogError('INVALID_RECORD_STATE', message, { topic, partition, offset })
}
