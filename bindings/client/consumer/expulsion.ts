import { LogError } from '../../model/errors.ts'

/**
 * Whether the group put this member out, which a call tells by UNKNOWN_MEMBER_ID. A handler may throw the same error of
 * another consumer of the program, so of what handlers throw only that counts which a call of this consumer was refused
 * with.
 */
export class Expulsion {
  readonly #ofOwnCalls: WeakSet<object> = new WeakSet()
  readonly #ofHandlers: WeakSet<object> = new WeakSet()
  readonly #listeners: ((error: unknown) => void)[] = []

  /** Called as soon as it is known, also while a record is in the program's hands. */
  on(listener: (error: unknown) => void): void {
    this.#listeners.push(listener)
  }

  tellIfMeantBy(error: unknown): void {
    if (!this.isMeantBy(error)) return
    for (const listener of this.#listeners) listener(error)
  }

  /** Watches a call that a handler may make of its consumer. */
  async watch<T>(call: Promise<T>): Promise<T> {
    try {
      return await call
    } catch (error) {
      if (LogError.is(error)) this.#ofOwnCalls.add(error)
      throw error
    }
  }

  /** What a handler's call is refused with means here what it did where it came from. */
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
