/** A commit that a program asked for, in one partition. */
export interface AskedCommit {
  readonly by: string
  readonly number: number
  readonly nextOffset: number
  state: 'open' | 'done' | 'refused' | 'unknown'
  /** Grows with each answer. */
  doneNumber: number
}

/** Where a group may go on in a partition, by what its members asked for and were told. */
export class CommittedOffsets {
  readonly #places: Map<string, AskedCommit[]> = new Map()
  #numbers = 0

  /** `place`: group, topic, life of the topic and partition. */
  asked(place: string, by: string, nextOffset: number): AskedCommit {
    const commit: AskedCommit = { by, number: this.#numbers++, nextOffset, state: 'open', doneNumber: -1 }
    const commits = this.#places.get(place) ?? []
    commits.push(commit)
    this.#places.set(place, commits)
    return commit
  }

  ended(commit: AskedCommit, state: 'done' | 'refused' | 'unknown'): void {
    commit.state = state
    commit.doneNumber = this.#numbers++
  }

  /** For `possible`: a look begins. */
  now(): number {
    return this.#numbers++
  }

  /**
   * What a look that began at `since` and ends now may find; `undefined` where it may find nothing. A commit that was
   * asked for later than one that is done stands above it.
   */
  possible(place: string, since: number): ReadonlySet<number | undefined> {
    const commits = this.#places.get(place) ?? []
    const newestBefore = commits.findLast(({ state, doneNumber }) => state === 'done' && doneNumber < since)
    const found = new Set<number | undefined>([newestBefore?.nextOffset])
    for (const { number, state, nextOffset, doneNumber } of commits) {
      if (state === 'refused' && doneNumber < since) continue
      if (number > (newestBefore?.number ?? -1)) found.add(nextOffset)
    }
    return found
  }

  /** Those that have no answer yet. */
  open(place: string): readonly AskedCommit[] {
    return (this.#places.get(place) ?? []).filter(({ state }) => state === 'open')
  }

  /** Another one of its place, with this offset, was asked for later. */
  isFollowedBy(commit: AskedCommit, nextOffset: number): boolean {
    const commits = [...this.#places.values()].find((each) => each.includes(commit)) ?? []
    return commits.some((each) => each.number > commit.number && each.nextOffset === nextOffset)
  }

  /** The first one that was done. */
  first(place: string): number | undefined {
    return this.#places.get(place)?.find(({ state }) => state === 'done')?.nextOffset
  }

  /** The newest one that is done. */
  newest(place: string): number | undefined {
    return this.#places.get(place)?.findLast(({ state }) => state === 'done')?.nextOffset
  }
}
