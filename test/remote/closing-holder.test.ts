// The holder is closed, not killed: members of other processes commit and give up their partitions before it ends.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerLog } from '../../bindings/client/log.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import type { Held } from '../../bindings/entry/embedded/serving.ts'
import { SharedBroker } from '../../bindings/entry/embedded/shared-broker.ts'
import { type Consumer, type EmbeddedLog, type Log, open, type ShareConsumer } from '../../bindings/entry/node.ts'
import { MemoryStore } from '../../bindings/storage/drivers/memory.ts'
import { gate } from '../client/support.ts'
import { hastyPort, held, inUse, optionsOf, Place, turns } from './support.ts'

const PARTITIONS = 4
const PER_PARTITION = 2000
/** Far more than are handled between two looks at the group. */
const COMMIT_RECORDS = 700

let root = ''
test.before.each(async () => {
  root = await mkdtemp(join(tmpdir(), 'oncelog-closing-'))
})
test.after.each(() => rm(root, { recursive: true, force: true }))

async function fill(log: Log): Promise<void> {
  await log.admin.createTopic('t', { partitions: PARTITIONS })
  const producer = log.producer()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    await producer.send(Array.from({ length: PER_PARTITION }, (_, at) => ({ topic: 't', partition, value: `${at}` })))
  }
}

/** Handles records one by one and commits them rarely, and when they are taken away. */
class Worker {
  readonly consumer: Consumer
  readonly handled: string[] = []
  readonly lost: string[] = []
  readonly done: Promise<void>

  constructor(log: Log, isOver: () => boolean, before: (worker: Worker) => Promise<void> = () => turns(1)) {
    this.consumer = log.consumer({ groupId: 'g', topics: ['t'] })
    const finished = new Map<number, number>()
    const commit = async () => {
      const positions = [...finished].map(([partition, nextOffset]) => ({ topic: 't', partition, nextOffset }))
      finished.clear()
      if (positions.length > 0) await this.consumer.commit(positions, { allowSkip: true })
    }
    this.consumer.on('revoked', commit)
    this.consumer.on('lost', (partitions) => {
      for (const { partition } of partitions) this.lost.push(`${partition}`)
      finished.clear()
    })
    const work = async () => {
      for await (const { partition, offset } of this.consumer) {
        await before(this)
        this.handled.push(`${partition}:${offset}`)
        finished.set(partition, offset + 1)
        if (this.handled.length % COMMIT_RECORDS === 0) await commit()
        if (isOver()) break
      }
    }
    this.done = work()
  }
}

async function untilShared(log: Log, members: number): Promise<void> {
  for (;;) {
    const [group] = await log.admin.listGroups()
    if (group?.members === members && group.state === 'Stable') {
      const shares = (await log.admin.describeGroup('g')).members
      if (shares.every(({ partitions }) => partitions.length === PARTITIONS / members)) return
    }
    await turns(1)
  }
}

test('a holder closes while two members of other processes have not committed what they handled: nothing is delivered twice', async () => {
  const logs: EmbeddedLog[] = []
  for (let at = 0; at < 3; at++) logs.push(await open(root))
  const [holder, ...others] = logs as [EmbeddedLog, EmbeddedLog, EmbeddedLog]
  await fill(holder)
  const closings: Promise<void>[] = []
  const count = () => workers.reduce((sum, { handled }) => sum + handled.length, 0)
  const isOver = () => {
    if (count() < PARTITIONS * PER_PARTITION) return false
    closings.push(...workers.map(({ consumer }) => consumer.close()))
    return true
  }
  const workers: Worker[] = others.map((log) => new Worker(log, isOver))
  await untilShared(holder, 2)
  const before = workers.map(({ handled }) => handled.length)
  while (workers.some(({ handled }, at) => handled.length - (before[at] ?? 0) < 50)) await turns(1)
  await holder.close()
  await Promise.all(workers.map(({ done }) => done))
  await Promise.all(closings)
  const places = workers.flatMap(({ handled }) => handled)
  assert.is(new Set(places).size, PARTITIONS * PER_PARTITION)
  assert.is(places.length, PARTITIONS * PER_PARTITION, 'none came twice')
  assert.equal(
    workers.flatMap(({ lost }) => lost),
    [],
    'what they had was given up, not lost',
  )
  for (const log of others) await log.close()
})

const LOCKED = 200

/** Works off a queue, slowly; each process locks far more than it gets to. */
class QueueWorker {
  readonly consumer: ShareConsumer
  readonly handled: { readonly place: string; readonly deliveryCount: number }[] = []
  readonly done: Promise<void>

  constructor(log: Log, isOver: () => boolean) {
    this.consumer = log.shareConsumer({ groupId: 'g', topics: ['t'], maxRecords: LOCKED })
    const work = async () => {
      for await (const record of this.consumer) {
        this.handled.push({ place: `${record.partition}:${record.offset}`, deliveryCount: record.deliveryCount })
        await turns(1)
        await this.consumer.acknowledge(record, 'accept')
        if (isOver()) break
      }
    }
    this.done = work()
  }
}

test('a holder closes while consumers of a share group in other processes have records in hand: nothing is delivered twice', async () => {
  const logs: EmbeddedLog[] = []
  for (let at = 0; at < 3; at++) logs.push(await open(root))
  const [holder, ...others] = logs as [EmbeddedLog, EmbeddedLog, EmbeddedLog]
  await holder.admin.createTopic('t', { partitions: PARTITIONS })
  const values = Array.from({ length: 4 * LOCKED }, (_, at) => ({
    topic: 't',
    partition: at % PARTITIONS,
    value: `${at}`,
  }))
  await holder.producer().send(values)
  const closings: Promise<void>[] = []
  const count = () => workers.reduce((sum, { handled }) => sum + handled.length, 0)
  const isOver = () => {
    if (count() < values.length) return false
    closings.push(...workers.map(({ consumer }) => consumer.close()))
    return true
  }
  const workers: QueueWorker[] = others.map((log) => new QueueWorker(log, isOver))
  while (workers.some(({ handled }) => handled.length < 20)) await turns(1)
  const before = count()
  await holder.close()
  const meanwhile = count() - before
  assert.ok(meanwhile < LOCKED / 2, `${meanwhile} while it closed: what nobody saw wasn't given back`)
  await Promise.all(workers.map(({ done }) => done))
  await Promise.all(closings)
  const handled = workers.flatMap((worker) => worker.handled)
  assert.is(new Set(handled.map(({ place }) => place)).size, values.length)
  assert.is(handled.length, values.length, 'none came twice')
  const again = handled.filter(({ deliveryCount }) => deliveryCount > 1)
  assert.equal(again, [], 'what nobody saw was given back as such')
  for (const log of others) await log.close()
})

/** A log that is closed as the holder of a place, and an attached one. */
async function twoLogs(place: Place): Promise<{ holder: SharedBroker; attached: Log }> {
  const store = new MemoryStore()
  let isHeld = false
  const hold = async (): Promise<Held> => {
    if (isHeld) throw inUse()
    isHeld = true
    return held(store)
  }
  const holder = new SharedBroker(optionsOf(place, hold, hastyPort))
  await holder.open()
  const other = new SharedBroker(optionsOf(place, hold, hastyPort))
  await other.open()
  return { holder, attached: new BrokerLog(other, nodePort) }
}

test('a member whose program never comes back from a record holds up the close no longer than its bound', async () => {
  const { holder, attached } = await twoLogs(new Place())
  await fill(attached)
  const { opened: hasRecord, open: delivered } = gate()
  const { opened: released, open: release } = gate()
  const stuck = new Worker(
    attached,
    () => true,
    () => {
      delivered()
      return released
    },
  )
  await hasRecord
  await holder.close()
  assert.equal(stuck.handled, [])
  release()
  await stuck.done
  await attached.close()
})

test.run()
