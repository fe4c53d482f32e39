import type { TopicPosition } from '../../broker/reader-session.ts'
import type { AssignedPartition } from './assigned-partition.ts'

/** One position of a commit. */
export interface CommitPlace {
  readonly held: AssignedPartition
  readonly position: TopicPosition
  /** To be called once the group has committed it. */
  committed(): void
}

/** One commit, from its call to its end, which may take several tries. */
export interface CommitCall {
  readonly places: readonly CommitPlace[]
  /** How many calls came before it. */
  readonly ordinal: number
  /** Settles with the log's answer to the last try; `undefined` before the first one. */
  answer: Promise<void> | undefined
}

/**
 * The commits of a consumer, or of a transaction, in the order of their calls. A commit that is refused between two
 * generations is tried again. A later one may have been acknowledged by then, and the retry would move the group back:
 * so a commit leaves out the partitions of later ones that were acknowledged. A program that awaits no commit has
 * thousands of them under way, so nothing here looks at all of them for each one.
 */
export class CommitOrder {
  #called = 0
  /** Those that the log is asked for. */
  readonly #asked = new Set<CommitCall>()
  /** The latest one that was asked for, since none was under way. */
  #latestAsked: CommitCall | undefined
  /** The ordinal of the latest commit of each partition that was acknowledged. */
  readonly #acknowledged = new WeakMap<AssignedPartition, number>()

  /** The ordinal of a call, which may wait for a join before it begins. */
  called(): number {
    return this.#called++
  }

  begin(places: readonly CommitPlace[], ordinal: number): CommitCall {
    return { places, ordinal, answer: undefined }
  }

  /** Waits for the log's answer to one try of the call. */
  async ask(call: CommitCall, answer: Promise<void>): Promise<void> {
    call.answer = answer
    this.#asked.add(call)
    if (call.ordinal > (this.#latestAsked?.ordinal ?? -1)) this.#latestAsked = call
    try {
      await answer
      for (const { held } of call.places) {
        if (call.ordinal > this.#acknowledgedOf(held)) this.#acknowledged.set(held, call.ordinal)
      }
    } finally {
      this.#asked.delete(call)
      if (this.#asked.size === 0) this.#latestAsked = undefined
    }
  }

  /**
   * The answer to a later commit of one of the call's partitions, the latest where it is one; `undefined` if the log is
   * asked for none. Later commits that are waiting themselves come after this one and mustn't be waited for: they may
   * wait for a handler that awaits this one.
   */
  laterAnswer(call: CommitCall): Promise<void> | undefined {
    const latest = this.#latestAsked
    if (latest === undefined || latest.ordinal < call.ordinal) return undefined
    if (this.#asked.has(latest) && shareOne(latest, call)) return latest.answer
    for (const each of this.#asked) if (each.ordinal > call.ordinal && shareOne(each, call)) return each.answer
    return undefined
  }

  /** The places that no later commit has taken. */
  left(call: CommitCall): readonly CommitPlace[] {
    return call.places.filter(({ held }) => this.#acknowledgedOf(held) <= call.ordinal)
  }

  #acknowledgedOf(held: AssignedPartition): number {
    return this.#acknowledged.get(held) ?? -1
  }
}

function shareOne(one: CommitCall, other: CommitCall): boolean {
  return one.places.some(({ held }) => other.places.some((each) => each.held === held))
}
