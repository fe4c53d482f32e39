import type { Task } from '../storage/effect.ts'
import type { TaskRunner } from './task-runner.ts'

/** Openings at once: each holds a file or two while it waits for the disk. */
const AT_ONCE = 32

/** Bounds how many partitions are opened or made at once; the others wait in their order. */
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
