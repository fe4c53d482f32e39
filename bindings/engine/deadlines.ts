import { earlierDeadline } from './earlier-deadline.ts'
import type { EngineParts } from './engine-parts.ts'

/** Tells the parts of the time: what each waits for, and when it is due. */
export class Deadlines {
  readonly #parts: EngineParts

  constructor(parts: EngineParts) {
    this.#parts = parts
  }

  /** The log is open: upkeep begins. */
  opened(now: number): void {
    this.#parts.cleanup.upkeep.opened(now)
    this.#parts.directoryWatch.opened(now)
  }

  /** When `tick` must come next, in milliseconds since 1970. */
  get next(): number | undefined {
    const { groups, shares, topics, cleanup, directoryWatch, transactions } = this.#parts
    const ofGroups = earlierDeadline(groups.live.nextDeadline(), shares.nextDeadline())
    const ofTopics = earlierDeadline(topics.sweepAt, cleanup.upkeep.nextAt)
    const ofStore = earlierDeadline(ofTopics, directoryWatch.nextAt)
    return earlierDeadline(earlierDeadline(ofGroups, transactions.nextDeadline()), ofStore)
  }

  /** The clock was set forward by `byMs` (back, if negative) while no time passed: deadlines move with it. */
  clockMoved(byMs: number): void {
    const { groups, shares, shareMembers, transactions, topics, cleanup, directoryWatch } = this.#parts
    groups.live.clockMoved(byMs)
    shares.clockMoved(byMs)
    shareMembers.clockMoved(byMs)
    transactions.clockMoved(byMs)
    topics.clockMoved(byMs)
    cleanup.clockMoved(byMs)
    directoryWatch.clockMoved(byMs)
  }

  /**
   * Members that took too long leave their group or lose their locks, transactions that took too long end, idle
   * partitions and producers are forgotten.
   */
  tick(now: number): void {
    const { directoryWatch, members, shareMembers, transacting, topics, cleanup } = this.#parts
    directoryWatch.tick(now)
    members.tick(now)
    shareMembers.tick(now)
    transacting.expire(now)
    topics.sweep(now)
    cleanup.upkeep.tick(now)
  }
}
