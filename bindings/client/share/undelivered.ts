import type { AcquiredRange, ShareSession } from '../../broker/share-session.ts'
import { SharedRecord } from './shared-record.ts'
import { acknowledgeRange } from './shared-records.ts'

/** What a consumer has locked and its program hasn't been given. */
export class Undelivered {
  /** Ranges whose records aren't read yet. */
  readonly #unread: Set<AcquiredRange> = new Set()
  #ready: SharedRecord[] = []
  /** Records that were delivered too often, and whose turn to be given up hasn't come. */
  #toGiveUp: SharedRecord[] = []

  add(ranges: readonly AcquiredRange[]): void {
    for (const range of ranges) this.#unread.add(range)
  }

  isUnread(range: AcquiredRange): boolean {
    return this.#unread.has(range)
  }

  /**
   * The range's records were read, or can't be. False if the range was released meanwhile: it may be another
   * consumer's.
   */
  endReading(range: AcquiredRange): boolean {
    return this.#unread.delete(range)
  }

  push(records: readonly SharedRecord[]): void {
    this.#ready.push(...records)
  }

  next(): SharedRecord | undefined {
    return this.#ready.shift()
  }

  mustGiveUp(records: readonly SharedRecord[]): void {
    this.#toGiveUp.push(...records)
  }

  nextToGiveUp(): SharedRecord | undefined {
    return this.#toGiveUp.shift()
  }

  /** Drops all, since the locks are gone. */
  clear(): void {
    this.#unread.clear()
    this.#ready = []
    this.#toGiveUp = []
  }

  /** Releases all, to other consumers at once; this delivery doesn't count. */
  async giveBack(session: ShareSession): Promise<void> {
    const held = [...this.#ready, ...this.#toGiveUp]
    const records = held.map((record) => acknowledgeRange(session, SharedRecord.placeOf(record), 'unseen'))
    const ranges = [...this.#unread].map((range) => acknowledgeRange(session, range, 'unseen'))
    this.clear()
    // Where the lock has ended meanwhile, or the log is gone, there is nothing to release.
    await Promise.allSettled([...records, ...ranges])
  }
}
