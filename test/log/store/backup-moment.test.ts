// What a backup copies as of its moment, which comes behind a checkpoint, while the log goes on.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readHeader } from '../../../bindings/log/journal/header.ts'
import { HEADER_FILE } from '../../../bindings/log/journal/layout.ts'
import { sealedBatch } from '../../../bindings/storage/conformance/batches.ts'
import type { Effect, Task } from '../../../bindings/storage/effect.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../../kernel/support.ts'
import { runNow } from '../support.ts'
import { SHOWN, Writer } from './plain-writer.ts'

const kernel = newKernel()
const STEPS_MAX = 1000

/** One step of a task for each call; false at its end. */
function stepped(task: Task<void>): () => boolean {
  let step: IteratorResult<Effect | readonly Effect[], void> = task.next()
  return () => {
    if (step.done === true) return false
    const { value } = step
    step = task.next('run' in value ? value.run() : value.map((effect) => effect.run()))
    return true
  }
}

/** Answers which files would have been linked; `beside` is called while the checkpoint is written, or flushed. */
function backUp(
  writer: Writer,
  copy: VirtualDisk,
  beside: () => void = () => {},
  at: 'write' | 'flush' = 'write',
): readonly string[] {
  const linked: string[] = []
  const link = (from: string) => {
    linked.push(from)
    return false
  }
  let checkpoints = 0
  writer.disk.watch = (_, kind, path) => {
    if (kind === at && path.startsWith('checkpoint/') && ++checkpoints === 1) beside()
  }
  const copying = stepped(writer.store.backup({ store: copy, link }))
  let isDoing = () => false
  for (let step = 0; copying(); step++) {
    assert.ok(step < STEPS_MAX)
    const next = isDoing() ? undefined : writer.store.maintenance()
    if (next !== undefined) isDoing = stepped(next)
  }
  writer.disk.watch = undefined
  assert.is(checkpoints, 1, 'the first moment is enough')
  return linked
}

function endOf(disk: VirtualDisk, segmentBytes?: number): number | undefined {
  const { partitions, report } = new Writer(disk.image(new Random(1), 'none'), segmentBytes).open()
  assert.equal(report.damage, [])
  return partitions.find(({ id }) => id.topic === SHOWN.topic)?.nextOffset
}

function begun(disk: VirtualDisk, count: number, segmentBytes?: number): Writer {
  const writer = new Writer(disk, segmentBytes)
  writer.begin(SHOWN)
  writer.append(SHOWN, count)
  return writer
}

test('what a recovery may go on in is copied and never linked: the segment that the checkpoint notes as active, and those after it', () => {
  const segmentBytes = 2500
  const writer = begun(new VirtualDisk(), 9, segmentBytes)
  const noted = writer.store.ranges(SHOWN).at(-1)?.baseOffset ?? -1
  const copy = new VirtualDisk()
  const linked = backUp(writer, copy, () => writer.append(SHOWN, 10))
  assert.is(endOf(copy, segmentBytes), 19)
  const bases = linked.map((path) => Number(path.split('/')[1]?.slice(0, 20)))
  assert.ok(bases.length > 2)
  assert.ok(
    bases.every((base) => base < noted),
    `${bases}, noted as active: ${noted}`,
  )
})

test('batches that wait to be written are in the copy', () => {
  const writer = begun(new VirtualDisk(), 1)
  const copy = new VirtualDisk()
  backUp(writer, copy, () => {
    assert.ok(writer.store.append(SHOWN, sealedBatch({ baseOffset: 1, valueBytes: 900 }), true))
    assert.ok(writer.store.hasUnwritten(SHOWN))
  })
  assert.is(endOf(copy), 2)
})

test('they are, though the disk of the log has become full: they take their share of the reserve', () => {
  const writer = begun(new VirtualDisk(), 1)
  const copy = new VirtualDisk()
  const fill = () => {
    assert.ok(writer.store.append(SHOWN, sealedBatch({ baseOffset: 1, valueBytes: 900 }), true))
    writer.disk.freeBytes = 0
  }
  backUp(writer, copy, fill, 'flush')
  assert.is(endOf(copy), 2)
})

test('a copy gives out no producer id that its log may have given out', () => {
  const writer = begun(new VirtualDisk(), 1)
  runNow(writer.store.commit({ durable: [], decisions: [], ceilings: [], producerIdsEnd: 1000 }))
  const copy = new VirtualDisk()
  backUp(writer, copy)
  assert.is(new Writer(copy.image(new Random(1), 'none')).open().nextProducerId, 1000)
})

test('a copy goes on in the epoch of its log, as the batches in it have that', () => {
  const killed = begun(new VirtualDisk(), 1)
  const writer = new Writer(killed.disk.image(new Random(1), 'kill'))
  const { leaderEpoch } = writer.open()
  assert.ok(leaderEpoch > 0)
  const copy = new VirtualDisk()
  backUp(writer, copy)
  const file = copy.open(HEADER_FILE, { create: false })
  assert.ok(file)
  assert.is(readHeader(file, kernel).header?.leaderEpoch, leaderEpoch)
})

test.run()
