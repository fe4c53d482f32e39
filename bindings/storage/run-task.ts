import type { Effect, Task } from './effect.ts'
import { isPromise } from './is-promise.ts'

/** Runs a task to its end. An effect that returns no promise goes on in the same turn; everything else is awaited. */
export async function runTask<T>(task: Task<T>): Promise<T> {
  let step = task.next()
  while (!step.done) {
    let result: unknown
    try {
      const answer = isList(step.value) ? runAll(step.value) : step.value.run()
      result = isPromise(answer) ? await answer : answer
    } catch (error) {
      step = task.throw(error)
      continue
    }
    step = task.next(result)
  }
  return step.value
}

/**
 * The first failure counts, but is thrown only once nothing runs any more: a task that hears of it must find the
 * storage at rest.
 */
function runAll(effects: readonly Effect[]): unknown[] | Promise<unknown[]> {
  const answers = effects.map((effect) => {
    try {
      return effect.run()
    } catch (error) {
      return Promise.reject(error)
    }
  })
  if (!answers.some((answer) => isPromise(answer))) return answers
  return Promise.allSettled(answers).then((settled) =>
    settled.map((one) => {
      if (one.status === 'rejected') throw one.reason
      return one.value
    }),
  )
}

function isList(value: Effect | readonly Effect[]): value is readonly Effect[] {
  return Array.isArray(value)
}
