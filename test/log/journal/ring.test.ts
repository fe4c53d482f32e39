// A file of the ring is reused once a checkpoint covers every frame in it, and not one frame sooner.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { alignFrame, JOURNAL_DIRECTORY, ringFile } from '../../../bindings/log/journal/layout.ts'
import { Ring } from '../../../bindings/log/journal/ring.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { MemoryStore } from '../../../bindings/storage/drivers/memory.ts'
import { runTask } from '../../../bindings/storage/run-task.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { runNow } from '../support.ts'

const FRAME_BYTES = alignFrame(1)
const FRAMES = 4
const FILE_BYTES = FRAMES * FRAME_BYTES

/** A ring of two files with frames 1 to 4 in the one and 5 to 8 in the other, none of them covered. */
async function fullRing(): Promise<Ring> {
  const store = new MemoryStore()
  for (const { file } of await runTask(Ring.makeFiles(store, [0, 1], FILE_BYTES))) file.close()
  const ring = await runTask(Ring.open(store, FILE_BYTES, 0, true))
  for (let sequence = 1; sequence <= 2 * FRAMES; sequence++) ring.take(FRAME_BYTES, sequence)
  return ring
}

test('until the newest frame of a file is covered there is no room in it', async () => {
  const ring = await fullRing()
  const first = ring.usedBytes
  for (let covered = 0; covered < FRAMES; covered++) {
    ring.release(covered)
    assert.not(ring.hasRoom(FRAME_BYTES), `frames up to ${covered} are covered`)
    assert.is(ring.usedBytes, first)
  }
  ring.release(FRAMES)
  assert.ok(ring.hasRoom(FRAME_BYTES))
  assert.is(ring.usedBytes, first - FILE_BYTES)
  assert.is(ring.take(FRAME_BYTES, 2 * FRAMES + 1).position, 0)
})

test('there is ample room while more than two files besides the one in use may be taken', async () => {
  const store = new MemoryStore()
  for (const { file } of await runTask(Ring.makeFiles(store, [0, 1, 2, 3], FILE_BYTES))) file.close()
  const ring = await runTask(Ring.open(store, FILE_BYTES, 0, true))
  for (let sequence = 1; sequence <= FRAMES; sequence++) {
    ring.take(FRAME_BYTES, sequence)
    assert.ok(ring.hasAmpleRoom, `${sequence} frames in the first file`)
  }
  ring.take(FRAME_BYTES, FRAMES + 1)
  assert.not(ring.hasAmpleRoom)
  ring.release(FRAMES)
  assert.ok(ring.hasAmpleRoom)
})

test('a checkpoint that covers less than the one before changes nothing', async () => {
  const ring = await fullRing()
  ring.release(FRAMES)
  ring.release(1)
  assert.ok(ring.hasRoom(FRAME_BYTES))
})

test('a ring that finds no room to grow gives back what it took, and no name after which others come', () => {
  for (const brokenBytes of [undefined, FRAME_BYTES]) {
    const disk = new VirtualDisk()
    const indexes = brokenBytes === undefined ? [0] : [0, 2]
    for (const { file } of runNow(Ring.makeFiles(disk, indexes, FILE_BYTES))) file.close()
    if (brokenBytes !== undefined) disk.open(ringFile(1), { create: true })?.truncate(brokenBytes)
    const ring = runNow(Ring.open(disk, FILE_BYTES, 0, true))
    disk.freeBytes = FILE_BYTES / 2
    assert.throws(
      () => runNow(ring.grow(3)),
      (error: unknown) => LogError.is(error, 'STORAGE_FULL'),
    )
    assert.is(ring.sizeBytes, indexes.length * FILE_BYTES)
    assert.is(disk.freeBytes, FILE_BYTES / 2 + (brokenBytes ?? 0))
    assert.is(disk.open(ringFile(1), { create: false })?.size(), brokenBytes === undefined ? undefined : 0)
  }
})

test('a ring that grows takes no frame in a new file before the file and its name are durable', () => {
  const disk = new VirtualDisk()
  for (const { file } of runNow(Ring.makeFiles(disk, [0], FILE_BYTES))) file.close()
  for (const directory of ['', JOURNAL_DIRECTORY]) disk.syncDirectory(directory)
  const ring = runNow(Ring.open(disk, FILE_BYTES, 0, true))
  const growing = ring.grow(2)
  let step = growing.next()
  while (!step.done) {
    assert.is(ring.sizeBytes, FILE_BYTES, 'while it waits')
    const asked = step.value
    step = growing.next('run' in asked ? asked.run() : asked.map((effect) => effect.run()))
  }
  assert.is(ring.sizeBytes, 2 * FILE_BYTES)
  const left = disk.image(new Random(1), 'none')
  assert.is(left.open(ringFile(1), { create: false })?.size(), FILE_BYTES)
})

test.run()
