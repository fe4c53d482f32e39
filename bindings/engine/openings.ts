import type { Task } from '../storage/effect.ts'
import type { TaskRunner } from './task-runner.ts'

/** Each holds a file or two while it waits for the disk. */
const AT_ONCE = 32

/** Partitions that are being opened or made: a bounded number at once, the others in their order. */
export class Openings {
  readonly #runner: TaskRunner
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(runner: TaskRunner) {
    this.#runner = runner
  }

  start(task: Task<void>, done: (error: unknown) => void): void {
    if (this.#running < AT_ONCE) this.#run(task, done)
    else this.#waiting.push(() => this.#run(task, done))
  }

  #run(task: Task<void>, done: (error: unknown) => void): void {
    this.#running++
    this.#runner.start(task, (error) => {
      this.#running--
      done(error)
      this.#waiting.shift()?.()
    })
  }
}
