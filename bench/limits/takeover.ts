// How long nobody gets an acknowledgement after SIGKILL of the process that holds a log: several processes send one
// durable record after the other to one directory, the holder is killed, and a new one takes its place.
//   node --import tsx bench/limits/takeover.ts [kills] [processes]
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { open } from '../../bindings/entry/node.ts'
import { bundled } from '../harness/bundled.ts'
import { numberArgument } from '../harness/number-argument.ts'
import { median } from '../harness/statistics.ts'

const LIMIT_MS = 500
const BETWEEN_KILLS_MS = 300
const kills = numberArgument(1, 20)
const processes = numberArgument(2, 3)

/** Until it is killed. Tells its role with each acknowledgement. */
async function send(directory: string): Promise<never> {
  const log = await open(directory)
  const producer = log.producer()
  for (;;) {
    await producer.send({ topic: 't', value: 'x'.repeat(100) })
    process.send?.(log.role)
  }
}

interface Worker {
  readonly process: ChildProcess
  role: string
}

async function started(script: string, directory: string): Promise<Worker> {
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, DIRECTORY: directory },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [role] = (await once(child, 'message')) as [string]
  const worker = { process: child, role }
  child.on('message', (now: string) => {
    worker.role = now
  })
  return worker
}

/** From the kill until the first acknowledgement of each other process that was sent once the holder had ended. */
async function afterKill(holder: Worker, others: readonly Worker[]): Promise<number[]> {
  const ended = once(holder.process, 'exit')
  const killed = performance.now()
  holder.process.kill('SIGKILL')
  await ended
  return Promise.all(
    others.map(async (each) => {
      // The first may have been on its way before.
      await once(each.process, 'message')
      await once(each.process, 'message')
      return performance.now() - killed
    }),
  )
}

async function measure(script: string, directory: string): Promise<void> {
  const workers: Worker[] = []
  /** Of whoever was first, and of each. */
  const firstMs: number[] = []
  const allMs: number[] = []
  try {
    while (workers.length < processes) workers.push(await started(script, directory))
    for (let kill = 0; kill < kills; kill++) {
      await wait(BETWEEN_KILLS_MS)
      const at = workers.findIndex(({ role }) => role === 'holder')
      const [holder] = workers.splice(at, 1)
      if (at < 0 || holder === undefined) throw new Error('nobody holds the log')
      const waitedMs = await afterKill(holder, workers)
      firstMs.push(Math.min(...waitedMs))
      allMs.push(...waitedMs)
      workers.push(await started(script, directory))
    }
  } finally {
    for (const each of workers) each.process.kill('SIGKILL')
  }
  const shown = (list: readonly number[]) => ({ p50: Math.round(median(list)), max: Math.round(Math.max(...list)) })
  console.log(JSON.stringify({ kills, processes, 'first ms': shown(firstMs), 'each ms': shown(allMs) }))
  if (Math.max(...firstMs) > LIMIT_MS) process.exitCode = 1
}

const { DIRECTORY } = process.env
if (DIRECTORY !== undefined) await send(DIRECTORY)
const home = mkdtempSync(join(tmpdir(), 'oncelog-takeover-'))
const log = await open(join(home, 'log'), { topics: [] })
await log.admin.createTopic('t')
await log.close()
try {
  await measure(await bundled(fileURLToPath(import.meta.url)), join(home, 'log'))
} finally {
  rmSync(home, { recursive: true, force: true, maxRetries: 5 })
}
