/** What a watch for a silent holder asks of the link. */
export interface SilenceHooks {
  /** Whether a holder has given a sign of life in time. */
  answers(): Promise<boolean>
  /** Resolves before the next look, without keeping the program alive. */
  pause(): Promise<void>
}

/**
 * Ends the waits of closes for a holder that is stopped: it accepts what it is asked, and may answer at any moment or
 * never. One look at a time serves all who wait, and who waits no longer than the pause is served without one.
 */
export class SilentHolder {
  readonly #hooks: SilenceHooks
  readonly #giveUps: Set<() => void> = new Set()
  #isWatching = false

  constructor(hooks: SilenceHooks) {
    this.#hooks = hooks
  }

  /** Settles as `ending` does, or rejects with what `silent` gives once no holder gives a sign of life any more. */
  async while<T>(ending: Promise<T>, silent: () => unknown): Promise<T> {
    let giveUp = () => {}
    const given = new Promise<never>((_, reject) => {
      giveUp = () => reject(silent())
    })
    this.#giveUps.add(giveUp)
    if (!this.#isWatching) this.#watch().catch(() => {})
    try {
      return await Promise.race([ending, given])
    } finally {
      this.#giveUps.delete(giveUp)
    }
  }

  async #watch(): Promise<void> {
    this.#isWatching = true
    try {
      for (;;) {
        await this.#hooks.pause()
        if (this.#giveUps.size === 0) return
        if (await this.#hooks.answers()) continue
        for (const giveUp of [...this.#giveUps]) giveUp()
      }
    } finally {
      this.#isWatching = false
    }
  }
}
