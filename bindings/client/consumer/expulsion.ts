import { LogError } from '../../model/errors.ts'

/**
 * Whether the group put this member out, which its calls tell by UNKNOWN_MEMBER_ID. A handler may throw the same error
 * on behalf of another consumer of the program, so an error that a handler throws counts only if a call of this
 * consumer rejected with it.
 */
export class Expulsion {
  readonly #ofOwnCalls: WeakSet<object> = new WeakSet()
  readonly #ofHandlers: WeakSet<object> = new WeakSet()
  readonly #listeners: ((error: unknown) => void)[] = []

  /** The listener is called as soon as it is known, also while the program works on a record. */
  on(listener: (error: unknown) => void): void {
    this.#listeners.push(listener)
  }

  tellIfMeantBy(error: unknown): void {
    if (!this.isMeantBy(error)) return
    for (const listener of this.#listeners) listener(error)
  }

  /** Remembers the error with which a handler's call of its own consumer rejects. */
  async watch<T>(call: Promise<T>): Promise<T> {
    try {
      return await call
    } catch (error) {
      if (LogError.is(error)) this.#ofOwnCalls.add(error)
      throw error
    }
  }

  /** Rejects a handler's call with an error that another call met; it counts for the handler as it did there. */
  rejects(error: unknown): Promise<never> {
    const call = Promise.reject<never>(error)
    return this.isMeantBy(error) ? this.watch(call) : call
  }

  handlerThrew(error: unknown): void {
    if (LogError.is(error)) this.#ofHandlers.add(error)
  }

  isMeantBy(error: unknown): boolean {
    if (!LogError.is(error, 'UNKNOWN_MEMBER_ID')) return false
    return this.#ofOwnCalls.has(error) || !this.#ofHandlers.has(error)
  }
}
