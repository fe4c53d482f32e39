// Share groups over a disk that loses what wasn't synced: accepted records stay accepted, and a delivery is counted
// before it happens.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AcquiredRange } from '../../bindings/broker/share-session.ts'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { type ShareConsumer, string, topic } from '../../bindings/entry/node.ts'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import type { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { afterCrash, fresh, plain } from '../guarantees/support.ts'
import { FakePort } from './fake-port.ts'

const jobs = topic('jobs', { value: string })
const RECORDS = 12
const MODES: readonly ImageMode[] = ['kill', 'none', 'all', 'mixed']

/** What a consumer was told: how often each record came, and which are done. */
interface Told {
  readonly counts: Map<number, number>
  readonly accepted: Set<number>
}

async function checkAfterLoss(disk: VirtualDisk, told: Told): Promise<void> {
  const log = await openLog(disk, new FakePort(5))
  const consumer = log.shareConsumer({ groupId: 'g', topics: [jobs], maxRecords: RECORDS })
  const expected = RECORDS - told.accepted.size
  const seen = new Map<number, number>()
  if (expected > 0) {
    for await (const { offset, deliveryCount } of consumer) {
      seen.set(offset, deliveryCount)
      if (seen.size === expected) break
    }
  }
  for (const offset of told.accepted) assert.not(seen.has(offset), `offset ${offset} was accepted and came again`)
  for (const [offset, count] of seen)
    assert.ok(count > (told.counts.get(offset) ?? 0), `offset ${offset} came ${count}`)
  await log.close()
}

test('at every moment of a consumer’s work, whatever of the unsynced is lost', async () => {
  const disk = new VirtualDisk()
  const log = await openLog(disk, new FakePort(), { topics: [jobs] })
  await log.producer().send(Array.from({ length: RECORDS }, (_, at) => jobs.record({ value: `${at}` })))
  const consumer: ShareConsumer<typeof jobs> = log.shareConsumer({ groupId: 'g', topics: [jobs], maxRecords: 3 })
  const told: Told = { counts: new Map(), accepted: new Set() }
  const random = new Random(3)
  for await (const job of consumer) {
    told.counts.set(job.offset, job.deliveryCount)
    for (const mode of MODES) await checkAfterLoss(disk.image(random, mode), told)
    if (job.offset % 4 === 1 && job.deliveryCount < 3) {
      await consumer.acknowledge(job, 'release')
    } else {
      await consumer.acknowledge(job, job.offset % 4 === 2 ? 'reject' : 'accept')
      told.accepted.add(job.offset)
    }
    for (const mode of MODES) await checkAfterLoss(disk.image(random, mode), told)
    if (told.accepted.size === RECORDS) break
  }
  await log.close()
})

test('the log answers who asks for records once their delivery is counted on the disk, not a step before', () => {
  const host = fresh()
  plain(host, host.openProducer(), 0, 'job', 'all')
  const acquire = (on: SyncHost<VirtualDisk>, answered: (ranges: readonly AcquiredRange[]) => void) => {
    const member = { groupId: 'g', memberId: 'm' }
    const request = { topics: ['t'], maxOffsets: 5, lockMs: 60_000, startAt: 'earliest' as const }
    on.start<readonly AcquiredRange[]>(
      (done) => ({ kind: 'acquireShare', member, request, release: () => {}, done }),
      ({ value }) => answered(value ?? []),
    )
    on.settle()
  }
  let left: SyncHost<VirtualDisk> | undefined = host
  const counts: number[] = []
  while (counts.length < 4) {
    const on: SyncHost<VirtualDisk> = left
    let next: SyncHost<VirtualDisk> | undefined
    acquire(on, ([range]) => {
      counts.push(range?.deliveryCount ?? 0)
      next = afterCrash(on, 'none')
    })
    assert.ok(next)
    left = next
  }
  assert.equal(counts, [1, 2, 3, 4])
})

test.run()
