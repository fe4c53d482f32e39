/** One less than the threads of libuv's pool: so a thread is free for what a commit waits for. */
const AT_ONCE = 3

/** Work for the thread pool that may wait: a few calls at once, the others in their order. */
export class PoolShare {
  readonly #waiting: (() => void)[] = []
  #running = 0

  /** `start` is given what to call at its end. */
  run(start: (ended: () => void) => void): void {
    if (this.#running >= AT_ONCE) {
      this.#waiting.push(() => this.#start(start))
      return
    }
    this.#start(start)
  }

  #start(start: (ended: () => void) => void): void {
    this.#running++
    start(() => {
      this.#running--
      this.#waiting.shift()?.()
    })
  }
}
