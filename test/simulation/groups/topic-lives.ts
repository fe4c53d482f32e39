/** A topic from its creation to its deletion; the next one of its name is another. */
export interface TopicLife {
  readonly topic: string
  readonly number: number
  readonly createdMs: number
  partitions: number
  /** When somebody asked for its deletion, and when that was done. */
  deletingMs: number
  deletedMs: number
}

/** Which topics there were, and when. */
export class TopicLives {
  readonly #byTopic: Map<string, TopicLife[]> = new Map()

  created(topic: string, partitions: number, nowMs: number): void {
    const lives = this.#byTopic.get(topic) ?? []
    const forever = { deletingMs: Number.POSITIVE_INFINITY, deletedMs: Number.POSITIVE_INFINITY }
    lives.push({ topic, number: lives.length, createdMs: nowMs, partitions, ...forever })
    this.#byTopic.set(topic, lives)
  }

  /** How many there were of this name. */
  count(topic: string): number {
    return this.#byTopic.get(topic)?.length ?? 0
  }

  get topics(): readonly string[] {
    return [...this.#byTopic.keys()]
  }

  /** The one that has the name, if nobody has asked for its deletion. */
  living(topic: string): TopicLife | undefined {
    const last = this.#byTopic.get(topic)?.at(-1)
    return last?.deletingMs === Number.POSITIVE_INFINITY ? last : undefined
  }

  at(topic: string, number: number): TopicLife | undefined {
    return this.#byTopic.get(topic)?.[number]
  }

  /** The only one that had the name since then; `undefined` where it could have been several. */
  soleSince(topic: string, sinceMs: number): TopicLife | undefined {
    const possible = (this.#byTopic.get(topic) ?? []).filter(({ deletedMs }) => deletedMs >= sinceMs)
    const [only] = possible
    return possible.length === 1 && only?.deletingMs === Number.POSITIVE_INFINITY ? only : undefined
  }

  isDeletedSince(topic: string, sinceMs: number): boolean {
    return (this.#byTopic.get(topic) ?? []).some(
      ({ deletingMs, deletedMs }) => deletedMs >= sinceMs && deletingMs !== Number.POSITIVE_INFINITY,
    )
  }
}
