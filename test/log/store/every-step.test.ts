// The power goes before each operation of a disk on which a small log is made, filled until its ring has grown, closed,
// opened and recovered: the next open has all that was acknowledged, and nothing to report. Longer lives are crashed by
// simulation/crash-points.heavy.test.ts.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SET_ASIDE_DIRECTORY } from '../../../bindings/log/recovery/set-aside.ts'
import type { ImageMode } from '../../../bindings/testkit/simulation/image.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { beforeEachOperation } from '../../simulation/crash-everywhere.ts'

const SEGMENT = 't-0/00000000000000000000.log'
const MODES: readonly ImageMode[] = ['kill', 'none', 'mixed', 'mixed']
/** The first of its sectors is rewritten with what comes before it, so a crash may take that. */
const TORN = new Uint8Array(1500).fill(7)
/** Sent at once, as often as `BURSTS` says: the ring grows, and frames go to its new files. */
const RECORDS = 16
const BURSTS = 3

function after(mode: ImageMode, disk: VirtualDisk, seed = 1): VirtualDisk {
  return disk.image(new Random(seed), mode)
}

/** Appends to `acknowledged` as the log answers. */
function fill(host: SyncHost<VirtualDisk>, acknowledged: string[]): void {
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, {})
  const place = { topic: 't', partition: 0, producerId: host.openProducer(), producerEpoch: 0, acks: 'all' } as const
  for (let baseSequence = 0; baseSequence < RECORDS * BURSTS; baseSequence++) {
    const value = `${baseSequence}`.padEnd(3000)
    host.send({ ...place, baseSequence, values: [value] }, ({ error }) => {
      if (error === undefined) acknowledged.push(value)
    })
    if (baseSequence % RECORDS === RECORDS - 1) host.settle()
  }
}

function filled(): { readonly host: SyncHost<VirtualDisk>; readonly acknowledged: readonly string[] } {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  const acknowledged: string[] = []
  fill(host, acknowledged)
  return { host, acknowledged }
}

/** What is wrong with the log on this disk. */
function wrongWith(disk: VirtualDisk, acknowledged: readonly string[], isTorn: boolean): readonly string[] {
  const host = new SyncHost(disk)
  try {
    const wrong = host.open().damage.map((damage) => JSON.stringify(damage))
    const found = acknowledged.length === 0 ? [] : host.fetchAll('t', 0).map(({ value }) => value)
    const lost = acknowledged.filter((value, index) => found[index] !== value)
    if (lost.length > 0) wrong.push(`${lost.length} records are lost`)
    if (isTorn && !keptAside(disk)) wrong.push('what was cut is nowhere')
    return wrong
  } finally {
    host.discard()
  }
}

function keptAside(disk: VirtualDisk): boolean {
  return disk.list(SET_ASIDE_DIRECTORY).some((name) => {
    const file = disk.open(`${SET_ASIDE_DIRECTORY}/${name}`, { create: false })
    const bytes = new Uint8Array(file?.size() ?? 0)
    file?.read(bytes, 0)
    return Buffer.from(bytes).includes(Buffer.from(TORN.subarray(512)))
  })
}

/** Crashes what is done with the disk before every so many of its operations. */
function crash(
  disk: VirtualDisk,
  live: () => void,
  acknowledged: readonly string[] = [],
  isTorn = false,
  step = 1,
): void {
  let count = 0
  const look = (operation: number): void => {
    if (++count % step !== 0) return
    for (const [index, mode] of MODES.entries()) {
      const place = `before operation ${operation}, ${mode}, seed ${operation * 31 + index}`
      assert.equal(wrongWith(after(mode, disk, operation * 31 + index), acknowledged, isTorn), [], place)
    }
  }
  beforeEachOperation(disk, look, live)
  assert.ok(count > 3, `${count} operations`)
}

test('while a log is made', () => {
  const disk = new VirtualDisk()
  crash(disk, () => new SyncHost(disk).open())
})

test('while its ring grows', () => {
  const disk = new VirtualDisk()
  const host = new SyncHost(disk)
  host.open()
  const acknowledged: string[] = []
  crash(disk, () => fill(host, acknowledged), acknowledged, false, 4)
  assert.ok(disk.list('journal').filter((name) => name.endsWith('.ring')).length > 2)
})

test('while it closes', () => {
  const { host, acknowledged } = filled()
  crash(host.storage, () => host.close(), acknowledged)
})

test('while it opens after a close', () => {
  const { host, acknowledged } = filled()
  host.close()
  const disk = after('kill', host.storage)
  crash(disk, () => new SyncHost(disk).open(), acknowledged)
})

test('while it opens after a close that was killed in its last steps', () => {
  const { host, acknowledged } = filled()
  const killed: VirtualDisk[] = []
  const keep = () => {
    if (killed.push(after('kill', host.storage)) > 3) killed.shift()
  }
  beforeEachOperation(host.storage, keep, () => host.close())
  for (const disk of killed) crash(disk, () => new SyncHost(disk).open(), acknowledged)
})

test('while it recovers, and cuts what a torn write left', () => {
  const { host, acknowledged } = filled()
  const disk = after('kill', host.storage)
  const file = disk.open(SEGMENT, { create: false })
  file?.write(TORN, file.size())
  assert.is(file?.flush(), undefined)
  crash(disk, () => new SyncHost(disk).open(), acknowledged, true)
})

test.run()
