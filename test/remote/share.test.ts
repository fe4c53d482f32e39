// Share consumers of attached logs: locks across processes, and over the end of the one that held the log.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import type { Channel } from '../../bindings/engine/remote/channel.ts'
import { ServedChannel } from '../../bindings/engine/remote/served-channel.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { SharedBroker } from '../../bindings/entry/embedded/shared-broker.ts'
import { open, type ShareConsumer, type SharedRecordOf, string, topic } from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { failure } from '../client/support.ts'
import { held, inUse, optionsOf, Place, turns } from './support.ts'

const jobs = topic('jobs', { value: string })
type Job = SharedRecordOf<typeof jobs>

let root = ''
test.before.each(async () => {
  root = await mkdtemp(join(tmpdir(), 'oncelog-share-'))
})
test.after.each(() => rm(root, { recursive: true, force: true }))

/** A log that is held, and one that is attached to it for good; `serve` lets that one attach again. */
async function twoLogs(place: Place) {
  const holder = await held(new MemoryStore())
  const serve = () => place.listen((channel) => new ServedChannel(channel, holder.broker, holder.recovery, new Set()))
  await serve()
  const shared = new SharedBroker(optionsOf(place, async () => Promise.reject(inUse())))
  await shared.open()
  const [far, near] = [new BrokerLog(shared, nodePort), new BrokerLog(holder.broker, nodePort)]
  await near.admin.createTopic('jobs')
  return { holder, serve, far, near }
}

async function take(consumer: ShareConsumer<typeof jobs>, count: number): Promise<Job[]> {
  const taken: Job[] = []
  for await (const job of consumer) if (taken.push(job) === count) break
  return taken
}

const told = (taken: readonly Job[]) => taken.map(({ value, deliveryCount }) => `${value}/${deliveryCount}`)

test('consumers of several processes share a queue; a process that goes away leaves its locks', async () => {
  const holder = await open(root, { topics: [jobs] })
  const attached = await open(root)
  await holder.producer().send(['a', 'b', 'c'].map((value) => jobs.record({ value })))
  const options = { groupId: 'g', topics: [jobs], maxRecords: 1 } as const
  const [far, near] = [attached.shareConsumer(options), holder.shareConsumer(options)]
  const [first] = await take(far, 1)
  const second = await take(near, 1)
  assert.equal(told([first as Job, ...second]), ['a/1', 'b/1'])
  await far.acknowledge(first as Job, 'accept')
  assert.equal(told(await take(far, 1)), ['c/1'])
  const waiting = take(near, 1)
  await attached.close()
  assert.equal(told(await waiting), ['c/2'])
  await holder.close()
})

test('when the holder goes away, what was accepted stays so, and locks end', async () => {
  const holder = await open(root, { topics: [jobs] })
  const attached = await open(root)
  await holder.producer().send(['a', 'b', 'c'].map((value) => jobs.record({ value })))
  const consumer = attached.shareConsumer({ groupId: 'g', topics: [jobs], maxRecords: 2 })
  const [first, second] = await take(consumer, 2)
  await consumer.acknowledge(first as Job, 'accept')
  await holder.close()
  await failure('INVALID_RECORD_STATE', () => consumer.acknowledge(second as Job, 'accept'))
  assert.equal(told(await take(consumer, 2)), ['b/2', 'c/1'])
  assert.is(attached.role, 'holder')
  await attached.close()
})

test('what waits for its delivery when the holder is killed is not delivered: another consumer has it by then', async () => {
  const place = new Place()
  const { holder, serve, far, near } = await twoLogs(place)
  await near.admin.createTopic('dead')
  await near.producer().send(['a', 'b', 'c'].map((value) => jobs.record({ value })))
  const options = { groupId: 'g', topics: [jobs], deadLetter: 'dead' } as const
  const [slow, quick] = [far.shareConsumer(options), near.shareConsumer(options)]
  const [first] = await take(slow, 1)
  place.cut()
  const others = await take(quick, 3)
  assert.equal(told(others), ['a/2', 'b/2', 'c/2'])
  for (const job of others) await quick.acknowledge(job, 'accept')
  await failure('INVALID_RECORD_STATE', () => slow.acknowledge(first as Job, 'reject'))
  await quick.close()
  await serve()
  const next = take(slow, 1)
  await near.producer().send(jobs.record({ value: 'd' }))
  assert.equal(told(await next), ['d/1'])
  const [letters] = await near.admin.offsets([{ topic: 'dead', partition: 0 }])
  assert.is(letters?.highWatermark, 0)
  await far.close()
  await holder.broker.close()
})

/** Answers of the holder stay under way until they are let. */
class SlowPlace extends Place {
  let: (() => void) | undefined

  override async attach(): Promise<Channel | undefined> {
    const channel = await super.attach()
    return (
      channel && {
        start: (onMessage, onEnd) => channel.start((...message) => this.#bring(() => onMessage(...message)), onEnd),
        send: (message) => channel.send(message),
        keepAlive: () => {},
        end: () => channel.end(),
      }
    )
  }

  slow(): void {
    const waiting: (() => void)[] = []
    this.#waiting = waiting
    this.let = () => {
      this.#waiting = undefined
      for (const bring of waiting) bring()
    }
  }

  #waiting: (() => void)[] | undefined

  #bring(bring: () => void): void {
    if (this.#waiting === undefined) bring()
    else this.#waiting.push(bring)
  }
}

test('the holder is killed before it answers an acknowledgement: the error says that it may be done', async () => {
  const place = new SlowPlace()
  const { holder, serve, far, near } = await twoLogs(place)
  await near.producer().send(['a', 'b'].map((value) => jobs.record({ value })))
  const consumer = far.shareConsumer({ groupId: 'g', topics: [jobs] })
  const [first, second] = await take(consumer, 2)
  place.slow()
  const accepted = failure('INVALID_RECORD_STATE', () => consumer.acknowledge(first as Job, 'accept'))
  const lag = async () => (await near.admin.describeShareGroup('g')).offsets[0]?.lag
  while ((await lag()) !== 1) await turns(1)
  place.cut()
  assert.match((await accepted).message, 'whether accept of offset 0 of jobs-0 was done is unknown')
  const unsaid = await failure('INVALID_RECORD_STATE', () => consumer.acknowledge(second as Job, 'accept'))
  assert.match(unsaid.message, 'offset 1 of jobs-0 is no longer locked by this consumer')
  assert.is(await lag(), 1)
  await serve()
  place.let?.()
  await far.close()
  await holder.broker.close()
})

test('what is on its way to a consumer that is being closed goes back uncounted', async () => {
  const place = new SlowPlace()
  const { holder, far, near } = await twoLogs(place)
  const options = { groupId: 'g', topics: [jobs] } as const
  const consumer = far.shareConsumer(options)
  const next = take(consumer, 1)
  await turns(20)
  place.slow()
  await near.producer().send(jobs.record({ value: 'a' }))
  await turns(20)
  const closed = consumer.close()
  await turns(20)
  place.let?.()
  await closed
  assert.equal(await next, [])
  assert.equal(told(await take(near.shareConsumer(options), 1)), ['a/1'])
  await far.close()
  await holder.broker.close()
})

test.run()
