// What recovery goes by that only some moments show: frames of two openings, the order within one frame, a header that
// is gone, and bytes that read back before they are durable.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { partitionDirectory, segmentFileName } from '../../../bindings/log/files/file-names.ts'
import { readHeader, slotOf } from '../../../bindings/log/journal/header.ts'
import { HEADER_FILE, RESTATED_FILE, SECTOR_BYTES } from '../../../bindings/log/journal/layout.ts'
import { verifyDirectory } from '../../../bindings/log/verify/verify-directory.ts'
import type { PartitionIdentity } from '../../../bindings/storage/partition-identity.ts'
import type { StoredState } from '../../../bindings/storage/stored-state.ts'
import { DirectoryNode, FileNode } from '../../../bindings/testkit/simulation/disk-nodes.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../../kernel/support.ts'
import { held, SHOWN, Writer } from '../store/plain-writer.ts'
import { runNow } from '../support.ts'

const CEILING = 64
const kernel = newKernel()

/** The same disk once more, with a lock that keeps nobody out. */
function beside(disk: VirtualDisk): VirtualDisk {
  const next = disk.reopened()
  next.lock = () => ({ release() {} })
  return next
}

function afterPowerFailure(disk: VirtualDisk): VirtualDisk {
  return disk.image(new Random(1), 'none')
}

function endOf({ partitions }: StoredState, { topic }: PartitionIdentity): number | undefined {
  return partitions.find(({ id }) => id.topic === topic)?.nextOffset
}

function segmentPath(baseOffset: number): string {
  return `${partitionDirectory(SHOWN.topic, SHOWN.partition)}/${segmentFileName(baseOffset, 'log')}`
}

function sizeOf(disk: VirtualDisk, path: string): number {
  const file = disk.open(path, { create: false })
  const sizeBytes = file?.size() ?? -1
  file?.close()
  return sizeBytes
}

test('of two frames with one number that of the later opening counts: who lost the lock may write until its next checkpoint', () => {
  const overtaken = new Writer(new VirtualDisk())
  overtaken.begin(SHOWN)
  for (let frame = 0; frame < 2; frame++) {
    overtaken.append(SHOWN, 1)
    overtaken.commit(SHOWN)
  }
  const present = new Writer(beside(overtaken.disk))
  present.open()
  present.append(SHOWN, 3, 1)
  present.commit(SHOWN)
  // The first of these has the number of the frame that the recovery wrote again.
  for (let frame = 0; frame < 2; frame++) {
    overtaken.append(SHOWN, 1)
    overtaken.commit(SHOWN)
  }
  const state = new Writer(afterPowerFailure(present.disk)).open()
  assert.equal(state.report.damage, [])
  assert.is(endOf(state, SHOWN), 5)
})

test('an opening beside a recovery that is under way takes another generation: one of the two ends', () => {
  const writer = new Writer(new VirtualDisk())
  writer.begin(SHOWN)
  writer.append(SHOWN, 1)
  writer.commit(SHOWN)
  const slow = new Writer(writer.disk.image(new Random(1), 'kill'))
  const opening = function* () {
    yield* slow.store.open()
  }
  const go = held(opening(), ({ kind, target }) => kind === 'flush' && target === RESTATED_FILE)
  const present = new Writer(beside(slow.disk))
  present.open()
  go()
  assert.throws(() => runNow(present.store.close()), /another process opened this log/)
})

test('a run that a frame only names, and one after it in the next segment that the frame holds', () => {
  const segmentBytes = 20_000
  const writer = new Writer(new VirtualDisk(), segmentBytes)
  writer.begin(SHOWN)
  writer.append(SHOWN, 21)
  writer.commit(SHOWN)
  assert.ok(sizeOf(writer.disk, segmentPath(20)) > 0)
  const state = new Writer(afterPowerFailure(writer.disk), segmentBytes).open()
  assert.equal(state.report.damage, [])
  assert.is(endOf(state, SHOWN), 21)
})

test('a log whose newest header is damaged was not closed if a checkpoint came after the close', () => {
  const closed = new Writer(new VirtualDisk())
  closed.begin(SHOWN)
  closed.append(SHOWN, 1)
  runNow(closed.store.close())
  const writer = new Writer(closed.disk.reopened())
  writer.open()
  writer.ceilings.set(SHOWN.topic, CEILING)
  writer.append(SHOWN, 40)
  writer.checkpoint()
  // Shown, and lost with the power.
  writer.append(SHOWN, 10)
  const disk = afterPowerFailure(writer.disk)
  const file = disk.open(HEADER_FILE, { create: false })
  assert.ok(file)
  const { header } = readHeader(file, kernel)
  for (const copy of [0, SECTOR_BYTES]) disk.spoil(HEADER_FILE, slotOf(header?.sequence ?? 0) + copy, garbage())
  const state = new Writer(disk).open()
  assert.equal([state.report.clean, state.report.damage], [false, []])
  assert.is(endOf(state, SHOWN), CEILING, 'offsets that readers saw are given to other records')
})

function garbage(): Uint8Array {
  return new Uint8Array(100).fill(7)
}

/** A power failure tore the last sector that the checkpoint notes; a frame since then names only what lies below. */
function tornSector(): VirtualDisk {
  const writer = new Writer(new VirtualDisk())
  writer.begin(SHOWN)
  writer.append(SHOWN, 40)
  const committing = writer.store.commit({ durable: [SHOWN], decisions: [], ceilings: [], producerIdsEnd: undefined })
  const go = held(committing, ({ kind, target }) => kind === 'flush' && target.endsWith('.ring'))
  writer.checkpoint()
  go()
  const disk = afterPowerFailure(writer.disk)
  disk.spoil(segmentPath(0), sizeOf(disk, segmentPath(0)) - 100, garbage())
  return disk
}

/** What is left of it by a recovery that is killed before it syncs what it put back. */
function killedRecovery(disk: VirtualDisk): VirtualDisk {
  let killed: VirtualDisk | undefined
  disk.watch = (_, kind, path) => {
    if (kind === 'flush' && path === segmentPath(0)) killed ??= disk.image(new Random(1), 'kill')
  }
  new Writer(disk).open()
  assert.ok(killed)
  return killed
}

test('the sector that recovery puts back is durable once the log was closed, whichever recovery put it back', () => {
  for (const disk of [tornSector(), killedRecovery(tornSector())]) {
    const recovered = new Writer(disk)
    const state = recovered.open()
    assert.equal([endOf(state, SHOWN), state.report.damage], [40, []])
    runNow(recovered.store.close())
    assert.equal(runNow(verifyDirectory(afterPowerFailure(disk), kernel, () => {})).damage, [])
  }
})

/** The end noted, a batch of acks 1 after it, and a flush of both that failed: the page shows what the sector lost. */
function tornUnderItsPage(): VirtualDisk {
  const writer = new Writer(new VirtualDisk())
  writer.begin(SHOWN)
  writer.append(SHOWN, 40)
  writer.checkpoint()
  writer.append(SHOWN, 1)
  const directory = writer.disk.root.visible.get(partitionDirectory(SHOWN.topic, SHOWN.partition))
  assert.ok(directory instanceof DirectoryNode)
  const file = directory.visible.get(segmentFileName(0, 'log'))
  assert.ok(file instanceof FileNode)
  const reached = file.durable.copy()
  reached.write(garbage(), reached.sizeBytes - 100)
  file.drop('new', reached)
  return writer.disk.image(new Random(1), 'kill')
}

test('the noted sector is written again though it reads as noted: a failed flush may have torn it under its page', () => {
  const recovered = new Writer(tornUnderItsPage())
  const state = recovered.open()
  assert.equal([endOf(state, SHOWN), state.report.damage], [41, []])
  const left = afterPowerFailure(recovered.disk)
  assert.equal(new Writer(left).open().report.damage, [])
  assert.equal(runNow(verifyDirectory(left, kernel, () => {})).damage, [])
})

test('what recovery cuts past the end stays away once the log was closed', () => {
  const otherEpoch = 5
  for (const segmentBytes of [1 << 20, 1500]) {
    const writer = new Writer(new VirtualDisk(), segmentBytes)
    writer.begin(SHOWN)
    writer.append(SHOWN, 40)
    writer.checkpoint()
    writer.append(SHOWN, 1, otherEpoch)
    const recovered = new Writer(writer.disk.image(new Random(1), 'all'), segmentBytes)
    const state = recovered.open()
    assert.equal(state.report.damage, [])
    assert.is(endOf(state, SHOWN), 40)
    runNow(recovered.store.close())
    const after = new Writer(afterPowerFailure(recovered.disk), segmentBytes)
    const { clean, damage } = after.open().report
    assert.equal({ clean, damage }, { clean: true, damage: [] }, `segments of ${segmentBytes} bytes`)
    after.append(SHOWN, 1, 1)
  }
})

test.run()
