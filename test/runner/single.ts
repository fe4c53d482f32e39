import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MUCH_GARBAGE, SHORT_LIVED } from './flags.ts'
import type { Job, Result } from './job.ts'
import { TestProcess } from './test-process.ts'
import { judge, sourceFaults } from './verdict.ts'

/** Where a file is run, and how far. */
export interface Place {
  /** The root of the sources. */
  readonly root: string
  /** Its first failure is enough. */
  readonly endsAtFailure: boolean
}

const here: Place = { root: '.', endsAtFailure: false }

/** What uvu prints for a test that failed. */
const FAILED_MARK = '✘'

/** A test file in a process that is its own. */
export async function runOne(job: Job, { root, endsAtFailure }: Place = here): Promise<Result> {
  const faults = sourceFaults(readFileSync(join(root, job.path), 'utf8'))
  const flags = job.heavy ? MUCH_GARBAGE : SHORT_LIVED
  const words = ['test/runner/bundles/start.mjs', job.path]
  const started = performance.now()
  const process = new TestProcess({ flags, words, root, takesMessages: false })
  if (endsAtFailure) {
    process.onOutput((chunk) => {
      if (chunk.includes(FAILED_MARK)) process.kill()
    })
  }

  const outcome = await process.within(job.timeoutMs, process.ended)
  const { output } = process
  const verdict = judge({ output, ...outcome }, faults)
  return { ...verdict, path: job.path, output, durationMs: Math.round(performance.now() - started) }
}
