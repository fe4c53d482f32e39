import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { MUCH_GARBAGE } from './flags.ts'
import type { Job, Result } from './job.ts'
import { type End, TestProcess } from './test-process.ts'
import { judge, sourceFaults } from './verdict.ts'

/**
 * Test files that run one after the other in one process: each by itself has to have the whole log compiled, a fifth of
 * what they cost. A file that ends the process, or is killed with it, leaves the next one a new process.
 */
export class Series {
  /** Nothing that a test prints ends it by chance. */
  readonly #word: string = `end of file ${randomUUID()}`
  readonly #ending: RegExp = new RegExp(`^${this.#word} (\\d*)\n`, 'gm')
  #process: TestProcess | undefined

  async run(job: Job): Promise<Result> {
    const faults = sourceFaults(readFileSync(job.path, 'utf8'))
    const started = performance.now()
    const process = this.#running()
    const said = this.#said(process)
    process.send(job.path)
    const outcome = await process.within(job.timeoutMs, Promise.race([said, process.ended]))

    const output = process.output.replaceAll(this.#ending, '')
    process.forgetOutput()
    const verdict = judge({ output, ...outcome }, faults)
    return { ...verdict, path: job.path, output, durationMs: Math.round(performance.now() - started) }
  }

  #running(): TestProcess {
    if (this.#process?.isRunning === true) return this.#process
    const words = ['test/runner/bundles/start-series.mjs', this.#word]
    this.#process = new TestProcess({ flags: MUCH_GARBAGE, words, root: '.', takesMessages: true })
    return this.#process
  }

  async end(): Promise<void> {
    this.#process?.kill()
    await this.#process?.ended
  }

  /** What a file that has come to its end said on both of its outputs. */
  #said(process: TestProcess): Promise<End> {
    return new Promise((resolve) => {
      process.onOutput(() => {
        const ends = [...process.output.matchAll(this.#ending)]
        if (ends.length === 2) resolve({ exitCode: Number(ends[0]?.[1]), signal: null })
      })
    })
  }
}
