import type { Effect, Task } from '../storage/effect.ts'

/** An effect that waits to be run; its result goes to `complete` with it. */
export interface IssuedEffect {
  readonly effect: Effect
  readonly running: Running
  /** Its index among the effects that the task yielded together. */
  readonly index: number
  isComplete: boolean
}

export type EffectResult = { readonly value: unknown } | { readonly error: unknown }

interface Running {
  readonly task: Task<unknown>
  readonly done: (error: unknown, value: unknown) => void
  /** Results of the effects that the task yielded together; `undefined` if it yielded one effect and no list. */
  results: EffectResult[] | undefined
  missing: number
}

/**
 * Runs tasks step by step and awaits nothing. Effects that a task yields are issued here, and completed by the
 * scheduler or a simulator, which decides their order. A task goes on once all effects that it yielded together are
 * complete, at once if there are none; if any failed, the first error in their order is thrown into it.
 */
export class TaskRunner {
  #issued: IssuedEffect[] = []

  start<T>(task: Task<T>, done: (error: unknown, value: T | undefined) => void): void {
    const running = { task: task as Task<unknown>, done: done as Running['done'], results: undefined, missing: 0 }
    this.#advance(running, { value: undefined })
  }

  /** The effects issued since the last call. */
  take(): readonly IssuedEffect[] {
    const issued = this.#issued
    if (issued.length > 0) this.#issued = []
    return issued
  }

  /**
   * A second result of an effect is ignored: the task has gone on with the first, and may wait for something else now.
   */
  complete(issued: IssuedEffect, result: EffectResult): void {
    if (issued.isComplete) return
    issued.isComplete = true
    const { running, index } = issued
    const { results } = running
    if (results === undefined) return this.#advance(running, result)
    results[index] = result
    running.missing--
    if (running.missing > 0) return
    const failed = results.find((each) => 'error' in each)
    this.#advance(running, failed ?? { value: results.map((each) => ('value' in each ? each.value : undefined)) })
  }

  #advance(running: Running, given: EffectResult): void {
    const { task, done } = running
    let result = given
    for (;;) {
      let next: IteratorResult<Effect | readonly Effect[], unknown>
      try {
        next = 'error' in result ? task.throw(result.error) : task.next(result.value)
      } catch (error) {
        done(error, undefined)
        return
      }
      if (next.done === true) return done(undefined, next.value)
      if (this.#issue(running, next.value) > 0) return
      result = { value: [] }
    }
  }

  /** Returns how many there are. Hot path: mostly it is one, without a list. */
  #issue(running: Running, yielded: Effect | readonly Effect[]): number {
    if (!Array.isArray(yielded)) {
      running.results = undefined
      this.#issued.push({ effect: yielded as Effect, running, index: 0, isComplete: false })
      return 1
    }
    running.results = []
    running.missing = yielded.length
    for (const [index, effect] of (yielded as readonly Effect[]).entries())
      this.#issued.push({ effect, running, index, isComplete: false })
    return yielded.length
  }
}
