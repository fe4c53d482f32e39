import type { RuntimePort } from '../../broker/runtime-port.ts'
import { throwIfAborted } from '../../client/signals.ts'
import type { AbortSignalLike } from '../../model/platform.ts'
import type { Task } from '../../storage/effect.ts'
import { runTask } from '../../storage/run-task.ts'

/** Runs a long task. Where it yields, the rest of the program gets a turn, and the signal is checked. */
export async function runInTurns<T>(
  task: Task<T>,
  port: Pick<RuntimePort, 'defer'>,
  signal: AbortSignalLike | undefined,
): Promise<T> {
  const pause = async () => {
    await new Promise<void>((resolve) => port.defer(resolve))
    throwIfAborted(signal)
  }
  return runTask(withPauses(task, pause))
}

function* withPauses<T>(task: Task<T>, pause: () => Promise<void>): Task<T> {
  for (let step = task.next(); ; ) {
    if (step.done) return step.value
    const effect = step.value
    const isPause = 'kind' in effect && effect.kind === 'yield'
    let result: unknown
    try {
      result = yield isPause ? { ...effect, run: pause } : effect
    } catch (error) {
      step = task.throw(error)
      continue
    }
    step = task.next(result)
  }
}
