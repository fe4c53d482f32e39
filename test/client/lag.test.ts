// How far a group is behind, where there is nothing left to read.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import type { EmbeddedLog } from '../../bindings/entry/node.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { FakePort } from './fake-port.ts'

/** As told of the group, by a member of it, and of the share group. */
async function lags(log: EmbeddedLog): Promise<readonly (number | undefined)[]> {
  const [group] = (await log.admin.describeGroup('g')).offsets
  const [share] = (await log.admin.describeShareGroup('s')).offsets
  const member = log.consumer({ groupId: 'g', topics: ['t'] })
  const own = await member.lag()
  await member.close()
  return [group?.lag, own.get('t/0'), share?.lag]
}

async function readAll(log: EmbeddedLog, count: number): Promise<void> {
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  let left = count
  for await (const record of consumer) {
    await consumer.commit(record)
    if (--left === 0) break
  }
  assert.equal([...(await consumer.lag()).values()], [0])
  await consumer.close()
  const shares = log.shareConsumer({ groupId: 's', topics: ['t'] })
  left = count
  for await (const record of shares) {
    await shares.acknowledge(record, 'accept')
    if (--left === 0) break
  }
  await shares.close()
}

// As Kafka's tools count: nobody read them.
test('records that were deleted before they were read are lag, until a fetch has moved on past them', async () => {
  const log = await openLog(new DirectoryImage(), new FakePort())
  await log.admin.createTopic('t')
  await log.producer().send(['a', 'b', 'c', 'd'].map((value) => ({ topic: 't', value })))
  const place = { topic: 't', partition: 0 }
  await log.admin.setOffsets('g', [{ ...place, nextOffset: 1 }])
  await log.admin.deleteRecords([{ ...place, beforeOffset: 3 }])
  assert.is((await log.admin.describeGroup('g')).offsets[0]?.lag, 3)
  const member = log.consumer({ groupId: 'g', topics: ['t'] })
  assert.equal([...(await member.lag()).values()], [3])
  for await (const { offset } of member) {
    assert.is(offset, 3)
    break
  }
  assert.equal([...(await member.lag()).values()], [0])
  await log.close()
})

test('offsets that an unclean end left unused are no lag, before and after the next record', async () => {
  const image = new DirectoryImage()
  const first = await openLog(image, new FakePort())
  await first.admin.createTopic('t')
  const producer = first.producer({ acks: 1 })
  for (const value of ['a', 'b', 'c']) await producer.send({ topic: 't', value })
  await readAll(first, 3)
  assert.equal(await lags(first), [0, 0, 0])
  const killed = image.fork()
  await first.close()

  let log = await openLog(killed, new FakePort())
  assert.is(log.recovery.clean, false)
  await log.admin.setOffsets('late', [{ topic: 't', partition: 0, nextOffset: 1 }])
  assert.is((await log.admin.describeGroup('late')).offsets[0]?.lag, 2)
  assert.equal(await lags(log), [0, 0, 0])
  await log.close()
  log = await openLog(killed, new FakePort())
  assert.equal(await lags(log), [0, 0, 0])
  const { offset } = await log.producer().send({ topic: 't', value: 'd' })
  assert.ok(offset > 1000, `${offset}`)
  assert.equal(await lags(log), [1, 1, 1])
  await log.close()
  log = await openLog(killed, new FakePort())
  assert.is(log.recovery.clean, true)
  assert.equal(await lags(log), [1, 1, 1], 'read from the files')
  await readAll(log, 1)
  assert.equal(await lags(log), [0, 0, 0])
  await log.close()
})

// Regression: it lagged by -5.
test('a position past the end of a partition that nobody wrote to is no lag', async () => {
  const log = await openLog(new DirectoryImage(), new FakePort())
  await log.admin.createTopic('t')
  const consumer = log.consumer({ groupId: 'g', topics: ['t'] })
  await consumer.lag()
  await consumer.seek({ topic: 't', partition: 0, nextOffset: 5 })
  assert.equal([...(await consumer.lag()).values()], [0])
  await log.close()
})

test.run()
