/**
 * Syncs of one directory that are asked for while one runs become one: the next. It begins after all of them were asked
 * for, so it covers what each of them wrote before; the one under way may have begun too early for that.
 */
export class SharedSyncs {
  readonly #running = new Map<string, Promise<void>>()
  readonly #next = new Map<string, Promise<void>>()

  run(directory: string, sync: () => Promise<void>): Promise<void> {
    const next = this.#next.get(directory)
    if (next !== undefined) return next
    const running = this.#running.get(directory)
    if (running === undefined) return this.#start(directory, sync)
    const begin = (): Promise<void> => {
      this.#next.delete(directory)
      return this.#start(directory, sync)
    }
    const later = running.then(begin, begin)
    this.#next.set(directory, later)
    return later
  }

  #start(directory: string, sync: () => Promise<void>): Promise<void> {
    const running = sync().finally(() => this.#running.delete(directory))
    this.#running.set(directory, running)
    return running
  }
}
