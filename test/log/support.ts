import type { Effect, Task } from '../../bindings/storage/effect.ts'

/** Runs a task to its end in one turn: the storage under test answers without promises. */
export function runNow<T>(task: Task<T>): T {
  let step = task.next()
  while (!step.done) {
    let result: unknown
    try {
      result = answerOf(step.value)
    } catch (error) {
      step = task.throw(error)
      continue
    }
    step = task.next(result)
  }
  return step.value
}

function answerOf(asked: Effect | readonly Effect[]): unknown {
  const answer = 'run' in asked ? asked.run() : asked.map((effect) => effect.run())
  if (answer instanceof Promise) throw new Error('a promise where none was expected')
  return answer
}
