// A process that isn't told when another one adds partitions: it asks the holder before it refuses what names them.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddedLog, LogError, open } from '../../bindings/entry/node.ts'

let root = ''
let holder: EmbeddedLog
let attached: EmbeddedLog
test.before.each(async () => {
  root = await mkdtemp(join(tmpdir(), 'oncelog-new-partitions-'))
  holder = await open(root)
  attached = await open(root)
  await holder.admin.createTopic('t')
})
test.after.each(async () => {
  await attached.close()
  await holder.close()
  await rm(root, { recursive: true, force: true })
})

const ends = async (partitions: number) => {
  const at = Array.from({ length: partitions }, (_, partition) => ({ topic: 't', partition }))
  return (await holder.admin.offsets(at)).map(({ highWatermark }) => highWatermark)
}
const to = (partition: number) => ({ topic: 't', partition, value: 'x' })

test('one record, and a list whose first ones go elsewhere, reach partitions that another process added', async () => {
  const producer = attached.producer()
  await producer.send(to(0))
  await holder.admin.createPartitions('t', 2)
  assert.is((await producer.send(to(1))).partition, 1)
  // It knows two of them now.
  await producer.send(to(1))
  await holder.admin.createPartitions('t', 3)
  assert.equal(
    (await producer.send([to(0), to(2), to(1)])).map(({ partition }) => partition),
    [0, 2, 1],
  )
  await holder.admin.createPartitions('t', 4)
  await producer.send(Array.from({ length: 100 }, () => to(3)))
  assert.equal(await ends(4), [2, 3, 1, 100])
})

test('a send in a transaction reaches a partition that another process added', async () => {
  const producer = attached.producer({ transactionalId: 'id' })
  await producer.transaction(async (transaction) => {
    await transaction.send(to(0))
    await holder.admin.createPartitions('t', 2)
    await transaction.send(to(1))
  })
  assert.equal(await ends(2), [2, 2])
})

test('what a handler gives is no failure of its record', async () => {
  await holder.admin.createTopic('in')
  await holder.admin.createTopic('dead')
  await holder.producer().send([
    { topic: 'in', value: '' },
    { topic: 'in', value: '' },
  ])
  let handled = 0
  const processor = attached.process({
    ...{ groupId: 'g', topics: ['in'], retries: 0, deadLetter: 'dead' },
    async handle() {
      if (handled === 1) await holder.admin.createPartitions('t', 2)
      return to(handled++)
    },
  })
  while (handled < 2) await new Promise((resolve) => setImmediate(resolve))
  await processor.close()
  assert.is((await holder.admin.offsets([{ topic: 'dead', partition: 0 }]))[0]?.highWatermark, 0)
  assert.is((await ends(2))[1], 2)
})

test('what names a partition that nobody added is refused, and what comes next isn’t', async () => {
  const producer = attached.producer()
  await producer.send(to(0))
  await holder.admin.createPartitions('t', 2)
  for (const records of [to(2), [to(0), to(2)]]) {
    const refused = await producer.send(records).catch((error: unknown) => error)
    assert.ok(LogError.is(refused, 'UNKNOWN_TOPIC_OR_PARTITION'), String(refused))
    assert.equal(refused.details, { topic: 't', partition: 2, partitions: 2 })
  }
  await producer.send(to(1))
  assert.equal(await ends(2), [1, 1])
})

test.run()
