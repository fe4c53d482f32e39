// Simulations in as many processes as there are cores: each takes the next job when it is done with the one before.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { MUCH_GARBAGE } from '../runner/flags.ts'

/**
 * Runs a file from its bundle: tsx names every closure each time that it is made, a fifth of what a simulation costs.
 */
const START = new URL('../runner/bundles/start.mjs', import.meta.url)

/**
 * Has `file`, which calls `work`, answer the jobs; `heard` gets each answer as it comes. A process that ends before its
 * answer fails all.
 */
export async function inProcesses<Job, Answer>(
  file: URL,
  jobs: Iterator<Job>,
  heard: (answer: Answer) => void,
): Promise<void> {
  await Promise.all(Array.from({ length: availableParallelism() }, () => oneProcess(file, jobs, heard)))
}

async function oneProcess<Job, Answer>(file: URL, jobs: Iterator<Job>, heard: (answer: Answer) => void): Promise<void> {
  const first = jobs.next()
  if (first.done === true) return
  const child = fork(START, [fileURLToPath(file)], { execArgv: [...MUCH_GARBAGE], serialization: 'advanced' })
  let isDone = false
  child.on('message', (answer) => {
    heard(answer as Answer)
    give(jobs.next())
  })
  const give = (next: IteratorResult<Job>): void => {
    isDone = next.done === true
    if (next.done === true) child.disconnect()
    else child.send(next.value as object)
  }
  give(first)
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  if (!isDone || code !== 0) throw new Error(`a process of the simulation ended with ${signal ?? code}`)
}

/** In such a process: answers jobs until no more come. */
export function work<Job, Answer>(answer: (job: Job) => Answer | Promise<Answer>): void {
  const tell = (told: Answer): unknown => process.send?.(told)
  const end = (error: unknown): void => {
    console.error(error)
    process.exit(1)
  }
  process.on('message', (job) => {
    Promise.resolve(job as Job)
      .then(answer)
      .then(tell, end)
  })
}
