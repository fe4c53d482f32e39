// What a commit beside a checkpoint leaves to the next one: its frame, ceilings that came into force between note and
// end, and batches that no flush was asked for.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  CHECKPOINT_DIRECTORY,
  checkpointFile,
  readCheckpoints,
} from '../../../bindings/log/checkpoint/checkpoint-file.ts'
import { LEADER_EPOCH_CHECKPOINT, partitionDirectory, segmentFileName } from '../../../bindings/log/files/file-names.ts'
import { parseLeaderEpochs } from '../../../bindings/log/files/leader-epoch-checkpoint.ts'
import { verifyDirectory } from '../../../bindings/log/verify/verify-directory.ts'
import { DiskFaults } from '../../../bindings/testkit/simulation/faults.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { CrashSignal, VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../../kernel/support.ts'
import { content } from '../segment/model.ts'
import { runNow } from '../support.ts'
import { held, OTHER, SHOWN, Writer } from './plain-writer.ts'

const CEILING = 64
const EMPTY = new Uint8Array(0)
const kernel = newKernel()

/** A checkpoint that stops before it flushes those; the rest when it is called. */
function heldCheckpoint(writer: Writer, files: 'segments' | 'its own file'): () => void {
  const isOne = (path: string) => (files === 'segments' ? path.endsWith('.log') : path.startsWith(CHECKPOINT_DIRECTORY))
  const checkpoint = writer.store.maintenance()
  assert.ok(checkpoint)
  return held(checkpoint, ({ kind, target }) => kind === 'flush' && isOne(target))
}

/** Where SHOWN goes on after a power cut that leaves nothing but what was flushed. */
function endAfterPowerCut(writer: Writer, segmentBytes?: number): number | undefined {
  const { partitions, report } = new Writer(writer.disk.image(new Random(1), 'none'), segmentBytes).open()
  assert.equal(report.damage, [])
  return partitions.find(({ id }) => id.topic === SHOWN.topic)?.nextOffset
}

test('a ceiling that comes into force beside a checkpoint stands in the next one', () => {
  const writer = new Writer(new VirtualDisk())
  writer.begin(SHOWN, OTHER)
  writer.append(SHOWN, 1)
  writer.append(OTHER, 40)
  const raising = writer.store.commit({
    durable: [],
    decisions: [],
    ceilings: [{ id: SHOWN, ceiling: CEILING }],
    producerIdsEnd: undefined,
  })
  const go = held(raising, ({ kind, target }) => kind === 'flush' && target.endsWith('.ring'))
  writer.checkpoint()
  go()
  writer.ceilings.set(SHOWN.topic, CEILING)
  // Covers the frame that has the ceiling.
  writer.append(OTHER, 40)
  writer.checkpoint()
  // Shown from now on, and lost with the power.
  writer.append(SHOWN, 10)
  assert.is(endAfterPowerCut(writer), CEILING, 'offsets that readers saw are given to other records')
})

test('a checkpoint is due before the segments of one commit are more than a frame has room for', () => {
  for (const segmentBytes of [1500, 1 << 20]) {
    const writer = new Writer(new VirtualDisk(), segmentBytes, 1 << 20)
    writer.begin(SHOWN)
    writer.append(SHOWN, 70)
    let isNoted = false
    writer.disk.watch = (_, kind, path) => {
      isNoted ||= kind === 'write' && path.startsWith('checkpoint/')
    }
    for (let due = writer.store.maintenance(); due !== undefined; due = writer.store.maintenance()) runNow(due)
    assert.is(isNoted, segmentBytes === 1500, `segments of ${segmentBytes} bytes`)
  }
})

test('of what came beside a checkpoint a frame covers all, before its end and after it', () => {
  for (const isTakenBefore of [true, false]) {
    const writer = new Writer(new VirtualDisk())
    writer.begin(SHOWN)
    writer.append(SHOWN, 40)
    const go = heldCheckpoint(writer, 'segments')
    writer.append(SHOWN, 30)
    if (isTakenBefore) writer.commit(SHOWN)
    go()
    writer.append(SHOWN, 1)
    writer.commit(SHOWN)
    assert.is(endAfterPowerCut(writer), 71, `taken before: ${isTakenBefore}`)
  }
})

test('what came beside a checkpoint is synced by the next one, though nothing of its partition comes any more', () => {
  const writer = new Writer(new VirtualDisk())
  writer.begin(SHOWN, OTHER)
  writer.append(SHOWN, 40)
  const go = heldCheckpoint(writer, 'its own file')
  writer.append(SHOWN, 5)
  go()
  writer.append(OTHER, 40)
  writer.checkpoint()
  assert.is(endAfterPowerCut(writer), 45)
})

test('the first checkpoint behind a close goes to another place than that of the close', () => {
  const closed = new Writer(new VirtualDisk())
  closed.begin(SHOWN)
  closed.append(SHOWN, 1)
  runNow(closed.store.close())
  const [newest] = runNow(readCheckpoints(closed.disk.reopened(), kernel, undefined))
  const writer = new Writer(closed.disk.reopened())
  writer.open()
  writer.append(SHOWN, 40)
  const written = new Set<string>()
  writer.disk.watch = (_, kind, path) => {
    if (kind === 'write' && path.startsWith(CHECKPOINT_DIRECTORY)) written.add(path)
  }
  writer.checkpoint()
  assert.is(written.size, 1)
  assert.not.ok(written.has(checkpointFile(newest?.place ?? -1)), 'a power failure would leave none that is whole')
})

test('what a checkpoint made durable no frame has to cover, in however many segments it lies', () => {
  const writer = new Writer(new VirtualDisk(), 1500)
  writer.begin(SHOWN)
  for (let round = 0; round < 5; round++) {
    writer.append(SHOWN, 40)
    writer.checkpoint()
  }
  writer.append(SHOWN, 1)
  writer.commit(SHOWN)
  assert.is(endAfterPowerCut(writer, 1500), 201)
})

test('snapshots of segments that begin beside a checkpoint, and epochs of their batches, come with the next one', () => {
  const writer = new Writer(new VirtualDisk(), 1500)
  writer.begin(SHOWN)
  const directory = partitionDirectory(SHOWN.topic, SHOWN.partition)
  const newest = () => {
    const names = writer.disk.list(directory).filter((name) => name.endsWith('.snapshot'))
    const epochs = parseLeaderEpochs(content(writer.disk, `${directory}/${LEADER_EPOCH_CHECKPOINT}`) ?? EMPTY, '')
    return { snapshot: Number.parseInt(names.at(-1) ?? '', 10), epoch: epochs.at(-1)?.epoch }
  }
  writer.append(SHOWN, 40)
  const go = heldCheckpoint(writer, 'segments')
  writer.append(SHOWN, 2, 1)
  go()
  const { snapshot, epoch } = newest()
  assert.ok(snapshot <= 40, `${snapshot}`)
  assert.is(epoch, 0)
  writer.append(SHOWN, 39, 1)
  writer.checkpoint()
  assert.equal(newest(), { snapshot: 80, epoch: 1 })
})

test('frames are free again once the checkpoint that covers them is durable, and no earlier', () => {
  const writer = new Writer(new VirtualDisk())
  writer.begin(SHOWN)
  while (writer.store.canCommit(0)) {
    writer.append(SHOWN, 1)
    writer.commit(SHOWN)
  }
  const go = heldCheckpoint(writer, 'its own file')
  assert.is(writer.store.canCommit(0), false)
  go()
  assert.is(writer.store.canCommit(0), true)
})

test('frames that were written beside a checkpoint are not free after it', () => {
  const writer = new Writer(new VirtualDisk())
  writer.begin(SHOWN)
  const commit = () => {
    writer.append(SHOWN, 1)
    writer.commit(SHOWN)
    return 1
  }
  let acknowledged = 0
  while (!writer.store.maintenanceIsDue()) acknowledged += commit()
  const go = heldCheckpoint(writer, 'its own file')
  while (writer.store.canCommit(0)) acknowledged += commit()
  go()
  for (let more = 0; more < 8 && writer.store.canCommit(0); more++) acknowledged += commit()
  assert.is(endAfterPowerCut(writer), acknowledged)
  writer.checkpoint()
  assert.is(writer.store.canCommit(0), true)
})

test('a frame holds nothing again that a checkpoint covers, whether what follows came beside it or after it', () => {
  for (const isBeside of [true, false]) {
    const writer = new Writer(new VirtualDisk())
    writer.begin(SHOWN)
    // More than a frame has room for.
    writer.append(SHOWN, 40)
    const go = heldCheckpoint(writer, 'segments')
    if (isBeside) writer.append(SHOWN, 1)
    go()
    if (!isBeside) writer.append(SHOWN, 1)
    const flushed: string[] = []
    writer.disk.watch = (_, kind, path) => {
      if (kind === 'flush') flushed.push(path)
    }
    writer.commit(SHOWN)
    assert.ok(flushed.length > 0 && flushed.every((path) => path.endsWith('.ring')), `beside: ${isBeside}: ${flushed}`)
  }
})

test('a segment that is begun while a checkpoint syncs its directory: the commit beside it syncs the directory again', () => {
  const segmentBytes = 60_000
  const writer = new Writer(new VirtualDisk(), segmentBytes)
  writer.begin(SHOWN)
  writer.append(SHOWN, 70)
  const directory = partitionDirectory(SHOWN.topic, SHOWN.partition)
  const { disk } = writer
  const before = disk.syncDirectory.bind(disk)
  const ends: (number | undefined)[] = []
  let hasBegun = false
  disk.syncDirectory = (synced) => {
    before(synced)
    if (synced === directory && !hasBegun) {
      hasBegun = true
      writer.append(SHOWN, 60)
    } else if (synced === CHECKPOINT_DIRECTORY && ends.length === 0) {
      writer.commit(SHOWN)
      ends.push(endAfterPowerCut(writer, segmentBytes))
    }
  }
  writer.checkpoint()
  assert.equal([hasBegun, ends], [true, [130]])
})

test('a segment below the log start stays while a commit takes batches from it', () => {
  const writer = new Writer(new VirtualDisk(), 1500)
  writer.begin(SHOWN)
  writer.append(SHOWN, 10)
  const committing = writer.store.commit({ durable: [SHOWN], decisions: [], ceilings: [], producerIdsEnd: undefined })
  // The first one is flushed by then, and its ends aren't read yet.
  const go = held(committing, ({ kind, target }) => kind === 'flush' && target.endsWith(segmentFileName(8, 'log')))
  writer.append(SHOWN, 70)
  writer.checkpoint()
  assert.is(runNow(writer.store.deleteBefore(SHOWN, 10)), 'later')
  go()
  assert.is(runNow(writer.store.deleteBefore(SHOWN, 10)), 'more')
  const after = new Writer(writer.disk.image(new Random(1), 'none'), 1500)
  assert.is(after.open().partitions.find(({ id }) => id.topic === SHOWN.topic)?.nextOffset, 80)
})

/** Stops before that operation of the recovery; false when it was over by then. */
function recoverUpTo(disk: VirtualDisk, operation: number): boolean {
  disk.crashAt = operation
  try {
    runNow(new Writer(disk).store.open())
    return false
  } catch (error) {
    if (!(error instanceof CrashSignal)) throw error
    return true
  }
}

test('an extent that begins below the end that a checkpoint noted beside it: recovery writes nothing over what lies before', () => {
  const writer = new Writer(new VirtualDisk())
  writer.begin(SHOWN)
  writer.append(SHOWN, 40)
  writer.checkpoint()
  writer.append(SHOWN, 40)
  const go = heldCheckpoint(writer, 'segments')
  writer.append(SHOWN, 5)
  writer.commit(SHOWN)
  go()
  for (let operation = 1, images = 0; ; operation++) {
    const recovering = writer.disk.image(new Random(1), 'all')
    if (!recoverUpTo(recovering, operation)) {
      assert.ok(images > 100, `${images} images`)
      return
    }
    for (let seed = 0; seed < 8; seed++, images++) {
      const disk = recovering.image(new Random(seed), 'mixed')
      const after = new Writer(disk)
      const { partitions, report } = after.open()
      const place = `crash before operation ${operation} of the recovery, image ${seed}`
      assert.equal(report.damage, [], place)
      assert.is(partitions.find(({ id }) => id.topic === SHOWN.topic)?.nextOffset, 85, place)
      assert.equal(runNow(verifyDirectory(disk, kernel, () => {})).damage, [], place)
    }
  }
})

test('a checkpoint that found the disk full covers, once the reserve has made room, what it had noted before', () => {
  const writer = new Writer(new VirtualDisk(), 10_000)
  writer.begin(SHOWN)
  writer.append(SHOWN, 40)
  const faults = new DiskFaults([{ kind: 'write', effect: 'full', at: 1, path: CHECKPOINT_DIRECTORY }])
  writer.disk.faults = faults
  writer.checkpoint()
  assert.is(faults.struck, 1)
  const activeBase = writer.store.ranges(SHOWN).at(-1)?.baseOffset ?? 0
  assert.ok(activeBase > 0)
  while (runNow(writer.store.deleteBefore(SHOWN, activeBase)) === 'more');
  writer.append(SHOWN, 1)
  // Nothing that was removed is looked for.
  writer.commit(SHOWN)
  assert.is(endAfterPowerCut(writer, 10_000), 41)
})

test('a commit waits for a checkpoint where more segments were begun beside one than a frame has room for', () => {
  for (const count of [50, 600]) {
    const writer = new Writer(new VirtualDisk(), 1500, 1 << 19)
    writer.begin(SHOWN)
    writer.append(SHOWN, 70)
    const go = heldCheckpoint(writer, 'segments')
    writer.append(SHOWN, count)
    assert.is(writer.store.canCommit(0), count === 50, `${count} segments`)
    go()
    if (!writer.store.canCommit(0)) writer.checkpoint()
    assert.ok(writer.store.canCommit(0))
    writer.commit(SHOWN)
    assert.is(endAfterPowerCut(writer, 1500), 70 + count)
  }
})

test.run()
