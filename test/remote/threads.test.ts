// Threads of one process share a log as processes do: one holds it, the others attach, and whoever is left takes over.
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { open } from '../../bindings/entry/node.ts'

let root = ''
test.before.each(async () => {
  root = await mkdtemp(join(tmpdir(), 'oncelog-threads-'))
})
test.after.each(() => rm(root, { recursive: true, force: true }))

async function startThread(): Promise<Worker> {
  // A thread doesn't take over how its process reads TypeScript.
  const program = new URL('./fixtures/thread.ts', import.meta.url).href
  const source = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(program)}) })`
  const thread = new Worker(source, { eval: true, workerData: root })
  assert.equal(await once(thread, 'message'), ['ready'])
  return thread
}

/** What the thread answers: the offset of what it sent. */
async function told(thread: Worker, value: string): Promise<unknown> {
  thread.postMessage(value)
  const [answer] = await once(thread, 'message')
  return answer
}

async function values(): Promise<unknown[]> {
  const log = await open(root)
  const seen: unknown[] = []
  for await (const { value } of log.read('t', { until: 'end' })) seen.push(Buffer.from(value as Uint8Array).toString())
  await log.close()
  return seen
}

test('a thread attaches to the log that another one holds, and takes over when that one closes it', async () => {
  const log = await open(root)
  await log.admin.createTopic('t')
  const producer = log.producer()
  assert.is((await producer.send({ topic: 't', value: 'main' })).offset, 0)
  const thread = await startThread()
  assert.is(await told(thread, 'attached'), 1)
  assert.is((await producer.send({ topic: 't', value: 'main again' })).offset, 2)
  await log.close()
  assert.is(await told(thread, 'holder'), 3)
  assert.is(await told(thread, 'end'), 'closed')
  await thread.terminate()
  assert.equal(await values(), ['main', 'attached', 'main again', 'holder'])
})

test('a thread that held the log and is terminated leaves it to the others', async () => {
  const setUp = await open(root)
  await setUp.admin.createTopic('t')
  await setUp.close()
  const thread = await startThread()
  const log = await open(root)
  const producer = log.producer()
  assert.is(await told(thread, 'by the thread'), 0)
  assert.is((await producer.send({ topic: 't', value: 'attached' })).offset, 1)
  await thread.terminate()
  const { offset } = await producer.send({ topic: 't', value: 'holder' })
  assert.ok(offset >= 2, `offset ${offset}`)
  await log.close()
  assert.equal(await values(), ['by the thread', 'attached', 'holder'])
})

test.run()
