// A member that waits for records isn't put out of its group, however often its wait begins anew.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { open } from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { held, turns } from './support.ts'

let root = ''
test.before.each(async () => {
  root = await mkdtemp(join(tmpdir(), 'oncelog-waiting-'))
})
test.after.each(() => rm(root, { recursive: true, force: true }))

test('a fetch that begins before the end of the last one is answered has no deadline, and one begins with its answer', async () => {
  const { broker } = await held(new MemoryStore())
  await broker.admin.createTopic('t', { partitions: 1, config: {} })
  const options = { groupId: 'g', topics: ['t'], assignors: ['range'], maxPollIntervalMs: 1000 }
  const member = await broker.openConsumer(options)
  const { generation, members } = await member.join([])
  const memberId = members[0]?.memberId ?? ''
  await member.sync(generation, [{ memberId, partitions: [{ topic: 't', partition: 0 }] }])
  const positions = [{ topic: 't', partition: 0, nextOffset: 0 }]
  const request = { positions, isolationLevel: 'read_committed', maxBytes: 1, wait: true } as const
  const first = member.fetch(request)
  member.wake()
  const second = member.fetch(request)
  assert.equal(await first, [])
  const { live } = broker.engine.groups
  const long = broker.now() + 1e6
  assert.equal(live.expired(long), [])
  member.wake()
  assert.equal(await second, [])
  assert.equal(live.expired(long), [{ groupId: 'g', memberId }])
  await broker.close()
})

const MAX_POLL_INTERVAL_MS = 300

test('an attached member whose wait is ended by a call waits on for longer than it may take between two polls', async () => {
  const holder = await open(root)
  await holder.admin.createTopic('t')
  const log = await open(root)
  const consumer = log.consumer({ groupId: 'g', topics: ['t'], maxPollIntervalMs: MAX_POLL_INTERVAL_MS })
  const lost: unknown[] = []
  consumer.on('lost', (partitions) => {
    lost.push(partitions)
  })
  const next = consumer[Symbol.asyncIterator]().next()
  while (consumer.assignment().length === 0) await turns(1)
  const pause = (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs))
  await pause(100)
  // On a busy machine it may have been put out before it first waited.
  lost.length = 0
  consumer.resume()
  await pause(3 * MAX_POLL_INTERVAL_MS)
  assert.equal(lost, [])
  await holder.producer().send({ topic: 't', value: 'a' })
  assert.is((await next).value?.offset, 0)
  await log.close()
  await holder.close()
})

test.run()
