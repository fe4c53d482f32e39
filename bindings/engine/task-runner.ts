import type { Effect, Task } from '../storage/effect.ts'

/** An effect that waits to be run; its result goes to `complete` under `id`. */
export interface IssuedEffect {
  readonly id: number
  readonly effect: Effect
}

export type EffectResult = { readonly value: unknown } | { readonly error: unknown }

interface Running {
  readonly task: Task<unknown>
  readonly done: (error: unknown, value: unknown) => void
  /** Results of the effects that the task yielded together; `single` if it yielded one effect and no list. */
  results: EffectResult[]
  missing: number
  single: boolean
}

/**
 * Runs tasks step by step and awaits nothing. Effects that a task yields are issued; whoever owns the order, the
 * scheduler or a simulator, completes them. A task goes on once all effects that it yielded together are complete; if
 * any failed, the first error is thrown into it.
 */
export class TaskRunner {
  readonly #waiting = new Map<number, { running: Running; index: number }>()
  #issued: IssuedEffect[] = []
  #nextId = 1

  get isIdle(): boolean {
    return this.#waiting.size === 0
  }

  start<T>(task: Task<T>, done: (error: unknown, value: T | undefined) => void): void {
    const running: Running = {
      task: task as Task<unknown>,
      done: done as Running['done'],
      results: [],
      missing: 0,
      single: true,
    }
    this.#advance(running, () => running.task.next())
  }

  /** The effects issued since the last call. */
  take(): readonly IssuedEffect[] {
    const issued = this.#issued
    if (issued.length > 0) this.#issued = []
    return issued
  }

  complete(id: number, result: EffectResult): void {
    const entry = this.#waiting.get(id)
    if (entry === undefined) return
    this.#waiting.delete(id)
    const { running, index } = entry
    running.results[index] = result
    running.missing--
    if (running.missing > 0) return
    const failed = running.results.find((each) => 'error' in each)
    if (failed !== undefined && 'error' in failed) {
      this.#advance(running, () => running.task.throw(failed.error))
      return
    }
    const values = running.results.map((each) => ('value' in each ? each.value : undefined))
    this.#advance(running, () => running.task.next(running.single ? values[0] : values))
  }

  #advance(running: Running, go: () => IteratorResult<Effect | readonly Effect[], unknown>): void {
    let next: IteratorResult<Effect | readonly Effect[], unknown>
    try {
      next = go()
    } catch (error) {
      running.done(error, undefined)
      return
    }
    if (next.done === true) {
      running.done(undefined, next.value)
      return
    }
    const effects = Array.isArray(next.value) ? (next.value as readonly Effect[]) : [next.value as Effect]
    running.single = !Array.isArray(next.value)
    running.results = []
    running.missing = effects.length
    effects.forEach((effect, index) => {
      const id = this.#nextId++
      this.#waiting.set(id, { running, index })
      this.#issued.push({ id, effect })
    })
  }
}
