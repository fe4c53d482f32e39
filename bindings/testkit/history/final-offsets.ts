import { type Facts, getOrMake } from './facts.ts'
import type { FinalOffset, OffsetCommit } from './history.ts'

/** The commits of one group and partition that name one offset. */
interface Alike {
  count: number
  /** The last that may have taken effect, by its number among all commits. */
  lastNumber: number
}

/** What groups had committed in the end, beside the commits that may have made it so. */
export class FinalOffsets {
  readonly #finals: ReadonlyMap<string, number>
  readonly #alike: Map<string, Map<number, Alike>> = new Map()
  readonly #numbers: Map<OffsetCommit, number> = new Map()

  constructor(facts: Facts) {
    const { commits, finalOffsets } = facts.history
    this.#finals = new Map(finalOffsets.map((final) => [groupPlace(final), final.offset]))
    for (const [number, commit] of commits.entries()) {
      this.#numbers.set(commit, number)
      const byOffset = getOrMake(this.#alike, groupPlace(commit), () => new Map<number, Alike>())
      const alike = getOrMake(byOffset, commit.offset, () => ({ count: 0, lastNumber: -1 }))
      alike.count++
      if (facts.commitFate(commit) !== 'absent') alike.lastNumber = number
    }
  }

  /** Whether it is the group's final offset, and no other commit can have made it so. */
  isThere(commit: OffsetCommit): boolean {
    const place = groupPlace(commit)
    return this.#finals.get(place) === commit.offset && this.#alike.get(place)?.get(commit.offset)?.count === 1
  }

  /** Whether the group stands before it, and no later commit can have led back there. */
  isMissing(commit: OffsetCommit): boolean {
    const place = groupPlace(commit)
    const final = this.#finals.get(place)
    if (final === undefined || final >= commit.offset) return false
    const lastNumber = this.#alike.get(place)?.get(final)?.lastNumber ?? -1
    return lastNumber < (this.#numbers.get(commit) ?? -1)
  }
}

export function groupPlace({ group, topic, partition }: FinalOffset | OffsetCommit): string {
  return `${group}/${topic}-${partition}`
}
