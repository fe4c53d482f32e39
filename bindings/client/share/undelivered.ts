import type { AcquiredRange, ShareSession } from '../../broker/share-session.ts'
import { SharedRecord } from './shared-record.ts'
import { acknowledgeRange } from './shared-records.ts'

/** What a consumer has locked and its program hasn't got. */
export class Undelivered {
  /** Ranges whose records aren't read yet. */
  readonly #unread: Set<AcquiredRange> = new Set()
  #ready: SharedRecord[] = []

  add(ranges: readonly AcquiredRange[]): void {
    for (const range of ranges) this.#unread.add(range)
  }

  isUnread(range: AcquiredRange): boolean {
    return this.#unread.has(range)
  }

  /** Its records are read, or can't be. False if it was given back meanwhile: it may be another consumer's. */
  endReading(range: AcquiredRange): boolean {
    return this.#unread.delete(range)
  }

  push(records: readonly SharedRecord[]): void {
    this.#ready.push(...records)
  }

  next(): SharedRecord | undefined {
    return this.#ready.shift()
  }

  /** The locks are gone. */
  clear(): void {
    this.#unread.clear()
    this.#ready = []
  }

  /** To other consumers at once: their delivery doesn't count. */
  async giveBack(session: ShareSession): Promise<void> {
    const records = this.#ready.map((record) => acknowledgeRange(session, SharedRecord.placeOf(record), 'unseen'))
    const ranges = [...this.#unread].map((range) => acknowledgeRange(session, range, 'unseen'))
    this.clear()
    // The lock has ended meanwhile, or the log is gone: there is nothing to give back.
    await Promise.allSettled([...records, ...ranges])
  }
}
