/**
 * Two processes at a time, each in its own process group, so that nothing it started outlives it. Two heavy ones only when no
 * light one is left: those that measure nothing but want their turn soon shouldn't wait behind them.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MUCH_GARBAGE } from './heap.ts'
import { judge, sourceFaults, type Verdict } from './verdict.ts'

export interface Job {
  readonly path: string
  readonly heavy: boolean
  readonly timeoutMs: number
}

/** Where a file is run, and how far. */
export interface Place {
  /** The root of the sources. */
  readonly root: string
  /** Its first failure is enough. */
  readonly endsAtFailure: boolean
}

const here: Place = { root: '.', endsAtFailure: false }

export interface Result extends Verdict {
  readonly path: string
  readonly output: string
  readonly durationMs: number
}

/** A broken test may print without end; what matters stands at the end. */
const outputLimitBytes = 4 << 20
/** What uvu prints for a test that failed. */
const FAILED_MARK = '✘'
/** After the test's process: how long what it started may keep its output open. */
const lingerMs = 1000

export async function runAll(jobs: readonly Job[], onResult: (result: Result) => void): Promise<void> {
  const heavy = jobs.filter((job) => job.heavy)
  const light = jobs.filter((job) => !job.heavy)
  // Long ones from the start on, or they would run alone at the end.
  const first = [heavy, light]

  async function lane(order: readonly Job[][]): Promise<void> {
    for (;;) {
      const job = order.find((each) => each.length > 0)?.shift()
      if (job === undefined) return
      onResult(await runOne(job))
    }
  }
  await Promise.all([lane(first), lane([...first].reverse())])
}

const running = new Set<number>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const pid of running) killGroup(pid)
    process.exit(1)
  })
}

export async function runOne(job: Job, { root, endsAtFailure }: Place = here): Promise<Result> {
  const faults = sourceFaults(readFileSync(join(root, job.path), 'utf8'))
  const flags = job.heavy ? MUCH_GARBAGE : []
  const started = performance.now()
  const child = spawn(process.execPath, [...flags, 'test/runner/bundles/start.mjs', job.path], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: root,
    detached: true,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
  })
  const { pid } = child
  if (pid !== undefined) running.add(pid)

  const chunks: Buffer[] = []
  let keptBytes = 0
  const keep = (chunk: Buffer): void => {
    chunks.push(chunk)
    keptBytes += chunk.length
    while (keptBytes > outputLimitBytes && chunks.length > 1) keptBytes -= chunks.shift()?.length ?? 0
    if (endsAtFailure && pid !== undefined && chunk.includes(FAILED_MARK)) killGroup(pid)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)

  let timedOutAfterMs: number | undefined
  const killTimer = setTimeout(() => {
    timedOutAfterMs = job.timeoutMs
    if (pid !== undefined) killGroup(pid)
  }, job.timeoutMs)

  const [exitCode, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once('error', (error) => {
      keep(Buffer.from(`${error.message}\n`))
      resolve([null, null])
    })
    child.once('exit', (code, by) => {
      const ended = (): void => resolve([code, by])
      child.once('close', ended)
      setTimeout(ended, lingerMs).unref()
    })
  })
  clearTimeout(killTimer)
  if (pid !== undefined) {
    running.delete(pid)
    killGroup(pid)
  }
  child.stdout.destroy()
  child.stderr.destroy()

  const output = Buffer.concat(chunks).toString('utf8')
  const verdict = judge({ output, exitCode, signal, timedOutAfterMs }, faults)
  return { ...verdict, path: job.path, output, durationMs: Math.round(performance.now() - started) }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // Nobody of the group is left.
  }
}
