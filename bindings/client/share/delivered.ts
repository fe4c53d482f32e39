import type { ShareSession } from '../../broker/share-session.ts'
import { SharedRecord } from './shared-record.ts'
import { acknowledgeRange } from './shared-records.ts'

/** What a consumer's program was given. */
export class Delivered {
  /** The session that delivered each record: the locks of an earlier session are gone. */
  readonly #sessions: WeakMap<SharedRecord, ShareSession> = new WeakMap()
  /**
   * Those that aren't acknowledged, in the order in which their locks end: all locks last equally long. One whose lock
   * has ended may still be here.
   */
  readonly #held: Set<SharedRecord> = new Set()

  /** A program may drop records and acknowledge none: those whose lock has ended by `now` aren't kept for it. */
  add(record: SharedRecord, session: ShareSession, now: number): void {
    for (const each of this.#held) {
      if (SharedRecord.lockedUntil(each) > now) break
      this.#held.delete(each)
    }
    this.#sessions.set(record, session)
    this.#held.add(record)
  }

  sessionOf(record: SharedRecord): ShareSession | undefined {
    return this.#sessions.get(record)
  }

  renewed(record: SharedRecord): void {
    if (this.#held.delete(record)) this.#held.add(record)
  }

  acknowledged(record: SharedRecord): void {
    this.#held.delete(record)
  }

  /** All locks are gone. */
  clear(): void {
    this.#held.clear()
  }

  /** Releases what isn't acknowledged, to other consumers at once. */
  async release(session: ShareSession, except: ReadonlyMap<SharedRecord, unknown>): Promise<void> {
    const records = [...this.#held].filter((record) => !except.has(record))
    this.clear()
    // Where the lock has ended meanwhile, or an acknowledgement is under way, there is nothing to release.
    await Promise.allSettled(records.map((each) => acknowledgeRange(session, SharedRecord.placeOf(each), 'release')))
  }
}
