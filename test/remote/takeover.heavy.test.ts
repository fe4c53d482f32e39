// Several processes, one directory, and SIGKILL for whoever holds it: what was acknowledged to any of them is there once.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError, open } from '../../bindings/entry/node.ts'

const KILLS = 10
const WORKERS = 3
const worker = fileURLToPath(new URL('fixtures/worker.ts', import.meta.url))

interface Told {
  readonly role?: 'holder' | 'attached'
  readonly acknowledged?: number
  readonly partition?: number
  readonly offset?: number
}

class Worker {
  readonly name: string
  readonly acknowledged: Map<number, string> = new Map()
  role: 'holder' | 'attached' | undefined
  readonly process: ChildProcess

  constructor(directory: string, name: string) {
    this.name = name
    this.process = fork(worker, [directory, name], { execArgv: ['--import', 'tsx'] })
    this.process.on('message', ({ role, acknowledged, partition, offset }: Told) => {
      this.role = role ?? this.role
      if (acknowledged !== undefined) this.acknowledged.set(acknowledged, `${partition}/${offset}`)
    })
  }

  async kill(): Promise<void> {
    const gone = once(this.process, 'exit')
    this.process.kill('SIGKILL')
    await gone
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

test('the holder dies, again and again: nothing acknowledged is lost, nothing is there twice, order stays', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'oncelog-takeover-'))
  const all: Worker[] = []
  const start = (): Worker => {
    const started = new Worker(directory, `w${all.length}`)
    all.push(started)
    return started
  }
  const first = await open(directory)
  await first.admin.createTopic('t', { partitions: 3 })
  await first.close()
  let alive = Array.from({ length: WORKERS }, start)
  const takeoversMs: number[] = []
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      await until(
        () => alive.every(({ acknowledged }) => acknowledged.size > 3) && alive.some(({ role }) => role === 'holder'),
      )
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 30))
      const victim = alive.find(({ role }) => role === 'holder')
      assert.ok(victim)
      alive = alive.filter((each) => each !== victim)
      await victim.kill()
      const killedAt = performance.now()
      const before = alive.map(({ acknowledged }) => acknowledged.size)
      await until(() => alive.some(({ acknowledged }, index) => acknowledged.size > (before[index] ?? 0)))
      takeoversMs.push(performance.now() - killedAt)
      alive.push(start())
    }
    for (const each of alive) await each.kill()
    const log = await open(directory)
    const byWorker = new Map<string, { number: number; place: string }[]>()
    for await (const { partition, offset, value } of log.read('t', { until: 'end' })) {
      const [name = '', number] = Buffer.from(value ?? [])
        .toString()
        .split(' ')
      const list = byWorker.get(name) ?? []
      list.push({ number: Number(number), place: `${partition}/${offset}` })
      byWorker.set(name, list)
    }
    for (const { name, acknowledged } of all) {
      const found = byWorker.get(name) ?? []
      assert.equal(
        found.map(({ number }) => number),
        found.map((_, index) => index),
        `${name}: each once, in order`,
      )
      for (const [number, place] of acknowledged) assert.is(found[number]?.place, place, `${name} ${number}`)
    }
    await log.close()
  } finally {
    for (const each of alive) each.process.kill('SIGKILL')
    await rm(directory, { recursive: true, force: true })
  }
  const sorted = takeoversMs.map(Math.round).sort((a, b) => a - b)
  console.log(`${KILLS} holders killed; ms until another one acknowledged: ${sorted.join(' ')}`)
})

test('a holder that is stopped keeps its place, and who comes is told its name', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'oncelog-stopped-'))
  const first = await open(directory)
  await first.admin.createTopic('t')
  await first.close()
  const holder = new Worker(directory, 'w')
  try {
    await until(() => holder.acknowledged.size > 0)
    holder.process.kill('SIGSTOP')
    const refused = await open(directory).catch((error: unknown) => error)
    assert.ok(LogError.is(refused, 'DIRECTORY_IN_USE'), String(refused))
    assert.is(refused.details['pid'], holder.process.pid)
    holder.process.kill('SIGCONT')
    const attached = await open(directory)
    assert.is(attached.role, 'attached')
    await attached.close()
  } finally {
    await holder.kill()
    await rm(directory, { recursive: true, force: true })
  }
})

test.run()
