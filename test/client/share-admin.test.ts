// What an operator sees and does with share groups: lag, who has locked records, reset, delete.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { type EmbeddedLog, string, topic } from '../../bindings/entry/node.ts'
import type { StoreFile } from '../../bindings/storage/file-store.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { FakePort } from './fake-port.ts'
import { failure, take } from './support.ts'

const jobs = topic('jobs', { value: string, partitions: 2 })

async function filled(image = new DirectoryImage()): Promise<EmbeddedLog> {
  const log = await openLog(image, new FakePort(), { topics: [jobs] })
  const places = Array.from({ length: 10 }, (_, index) => ({ value: `${index}`, partition: index % 2 }))
  await log.producer().send(places.map((each) => jobs.record(each)))
  return log
}

const consumerOf = (log: EmbeddedLog, groupId = 'g') => log.shareConsumer({ groupId, topics: [jobs], maxRecords: 2 })

test('lag counts what nobody accepted or rejected, acquired what a consumer holds', async () => {
  const log = await filled()
  assert.equal(await log.admin.listShareGroups(), [])
  for (const call of [() => log.admin.describeShareGroup('g'), () => log.admin.resetShareGroup('g', 'earliest')]) {
    assert.match((await failure('GROUP_ID_NOT_FOUND', call)).message, /no share group "g"/)
  }
  const consumer = consumerOf(log)
  const [first, second] = await take(consumer, 2)
  await consumer.acknowledge(first!, 'accept')
  await consumer.acknowledge(second!, 'reject')
  const [held] = await take(consumer, 1)
  const { groupId, offsets } = await log.admin.describeShareGroup('g')
  assert.is(groupId, 'g')
  const sum = (key: 'lag' | 'acquired') => offsets.reduce((total, each) => total + each[key], 0)
  assert.equal([sum('lag'), sum('acquired') > 0], [8, true])
  assert.equal(await log.admin.listShareGroups(), [{ groupId, offsets }])
  await consumer.acknowledge(held!, 'accept')
  await consumer.close()
  const after = (await log.admin.describeShareGroup('g')).offsets
  assert.equal(
    after.map(({ acquired }) => acquired),
    [0, 0],
  )
  assert.is(
    after.reduce((total, { lag }) => total + lag, 0),
    7,
  )
  await log.close()
})

// They counted until somebody asked for records of the partition, and kept the group from being deleted.
test('of deleted records nobody holds a lock', async () => {
  const log = await filled()
  const consumer = consumerOf(log)
  const [held] = await take(consumer, 1)
  const { partition } = held!
  const acquired = async () => {
    const { offsets } = await log.admin.describeShareGroup('g')
    return offsets.find((each) => each.partition === partition)?.acquired
  }
  assert.ok(((await acquired()) ?? 0) > 0)
  await log.admin.deleteRecords([{ topic: 'jobs', partition, beforeOffset: 5 }])
  assert.is(await acquired(), 0)
  await log.close()
})

test('what was deleted from the log is no lag', async () => {
  const log = await filled()
  const consumer = consumerOf(log)
  const [first] = await take(consumer, 1)
  await consumer.close()
  const { partition } = first!
  await log.admin.deleteRecords([{ topic: 'jobs', partition, beforeOffset: 3 }])
  const place = (await log.admin.describeShareGroup('g')).offsets.find((each) => each.partition === partition)
  assert.equal([place?.startOffset, place?.lag], [3, 2])
  await log.close()
})

test('a group is reset and deleted, durably, but not while its consumers hold records', async () => {
  const image = new DirectoryImage()
  let log = await filled(image)
  const consumer = consumerOf(log)
  const [held] = await take(consumer, 1)
  for (const call of [
    () => log.admin.deleteShareGroup('g'),
    () => log.admin.resetShareGroup('g', 'latest'),
    () => log.admin.resetShareGroup('g', 'latest', { topics: ['jobs'] }),
  ]) {
    await failure('NON_EMPTY_GROUP', call)
  }
  await consumer.acknowledge(held!, 'accept')
  await consumer.close()
  const moves = await log.admin.resetShareGroup('g', 'latest', { topics: ['jobs'], dryRun: true })
  assert.equal(
    moves.map(({ nextOffset }) => nextOffset),
    [5, 5],
  )
  assert.is(
    (await log.admin.describeShareGroup('g')).offsets.reduce((total, { lag }) => total + lag, 0),
    9,
  )
  await log.admin.resetShareGroup('g', 'latest', { topics: ['jobs'] })
  await log.close()

  log = await openLog(image, new FakePort(), { topics: [jobs] })
  assert.equal(
    (await log.admin.describeShareGroup('g')).offsets.map(({ startOffset, lag }) => [startOffset, lag]),
    [
      [5, 0],
      [5, 0],
    ],
  )
  await log.admin.resetShareGroup('g', { shiftBy: -2 })
  const again = consumerOf(log)
  const values = (await take(again, 4)).map(({ value, deliveryCount }) => [Number(value), deliveryCount])
  assert.equal(
    values.sort(),
    [6, 7, 8, 9].map((value) => [value, 1]),
  )
  await again.close()
  await log.admin.deleteShareGroup('g')
  await failure('GROUP_ID_NOT_FOUND', () => log.admin.deleteShareGroup('g'))
  await log.close()

  log = await openLog(image, new FakePort(), { topics: [jobs] })
  assert.equal(await log.admin.listShareGroups(), [])
  const anew = consumerOf(log)
  assert.is((await take(anew, 10)).length, 10)
  await log.close()
})

test('a consumer that waits keeps its group', async () => {
  const log = await openLog(new DirectoryImage(), new FakePort(), { topics: [jobs] })
  const consumer = consumerOf(log)
  const waiting = take(consumer, 1)
  while ((await log.admin.listShareGroups()).length === 0) await new Promise((resolve) => setImmediate(resolve))
  await failure('NON_EMPTY_GROUP', () => log.admin.deleteShareGroup('g'))
  await log.producer().send(jobs.record({ value: 'x' }))
  await waiting
  await log.close()
})

/** Once it holds, flushes of the journal wait for `go`. */
class HeldDisk extends DirectoryImage {
  #held: Promise<void> | undefined
  go: () => void = () => {}

  hold(): void {
    this.#held = new Promise((resolve) => {
      this.go = resolve
    })
  }

  override open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
    const file = super.open(path, options)
    if (file === undefined || !path.endsWith('.ring')) return file
    const flush = file.flush.bind(file)
    const whenReleased = async () => {
      await this.#held
      await flush()
    }
    return Object.assign(file, { flush: whenReleased })
  }
}

test('what a consumer accepts is told once it is on the disk', async () => {
  const disk = new HeldDisk()
  const log = await filled(disk)
  const consumer = consumerOf(log)
  const [record] = await take(consumer, 1)
  const lagOf = async () => (await log.admin.describeShareGroup('g')).offsets.reduce((sum, { lag }) => sum + lag, 0)
  assert.is(await lagOf(), 10)
  disk.hold()
  const order: string[] = []
  const accepted = consumer.acknowledge(record!, 'accept').then(() => order.push('accepted'))
  const told = lagOf().then((lag) => order.push(`lag ${lag}`))
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(order, [], 'a power loss now would bring the record back')
  disk.go()
  await Promise.all([accepted, told])
  assert.equal(order.sort(), ['accepted', 'lag 9'])
  await log.close()
})

test.run()
