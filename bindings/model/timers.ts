/** What a timer may be told. */
export interface TimerOptions {
  /**
   * Whether the program goes on until then, though it waits for nothing else: right for something that was sent and is
   * awaited, wrong for work that merely comes again.
   */
  readonly keepsAlive: boolean
}

export interface Timers {
  /**
   * Calls back once after `delayMs`; the returned function cancels it. A program that waits for nothing else may end
   * before, unless the timer keeps it alive.
   */
  setTimer(delayMs: number, callback: () => void, options?: TimerOptions): () => void
}

/** Resolves after `delayMs`. */
export function waitMs(timers: Timers, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    timers.setTimer(delayMs, resolve, { keepsAlive: true })
  })
}

/** Settles as `answer` does; resolves with `undefined` if that takes longer than `limitMs`. */
export async function within<T>(timers: Timers, limitMs: number, answer: Promise<T>): Promise<T | undefined> {
  let cancel = () => {}
  const limit = new Promise<undefined>((resolve) => {
    cancel = timers.setTimer(limitMs, () => resolve(undefined), { keepsAlive: true })
  })
  return await Promise.race([answer, limit]).finally(() => cancel())
}
