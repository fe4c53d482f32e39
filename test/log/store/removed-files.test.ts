// No file of a deleted topic stays open under a name that the next topic's file gets: its batches would go to a file
// that nobody finds again.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { sealedBatch } from '../../../bindings/storage/conformance/batches.ts'
import type { PartitionIdentity } from '../../../bindings/storage/partition-identity.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { runNow } from '../support.ts'
import { held, SHOWN, Writer } from './plain-writer.ts'

const AGAIN: PartitionIdentity = { ...SHOWN, topicId: 'BBBBBBBBBBBBBBBBBBBBBA' }

test('a file that a read opens while its topic is deleted is not the one that the next topic writes to', () => {
  const disk = new VirtualDisk()
  const before = new Writer(disk)
  before.begin(SHOWN)
  before.append(SHOWN, 3)
  before.commit(SHOWN)
  runNow(before.store.close())
  const writer = new Writer(disk.reopened())
  writer.open()
  const read = held(writer.store.prepareRead(SHOWN, 0), ({ kind }) => kind === 'open')
  const removed = held(writer.store.remove(SHOWN), ({ kind }) => kind === 'remove')
  read()
  removed()
  runNow(writer.store.create(AGAIN))
  runNow(writer.store.activate(AGAIN))
  writer.append(AGAIN, 1)
  const file = writer.disk.open(`${SHOWN.topic}-0/${'0'.repeat(20)}.log`, { create: false })
  assert.ok((file?.size() ?? 0) > 900, 'the batch is in no file that has a name')
})

test('who opens a segment that retention drops meanwhile closes no file that another topic has under its name', () => {
  const segmentBytes = 3000
  const before = new Writer(new VirtualDisk(), segmentBytes)
  before.begin(SHOWN)
  before.append(SHOWN, 9)
  runNow(before.store.close())
  const writer = new Writer(before.disk.reopened(), segmentBytes)
  writer.open()
  const [first] = writer.store.ranges(SHOWN)
  const read = held(writer.store.prepareRead(SHOWN, 0), ({ kind }) => kind === 'open')
  while (runNow(writer.store.deleteBefore(SHOWN, first?.nextOffset ?? 0)) === 'more');
  runNow(writer.store.remove(SHOWN))
  runNow(writer.store.create(AGAIN))
  runNow(writer.store.activate(AGAIN))
  assert.ok(writer.store.append(AGAIN, sealedBatch({ baseOffset: 0, valueBytes: 900 }), true))
  assert.ok(writer.store.hasUnwritten(AGAIN))
  assert.throws(read, /lies below the log start/)
  assert.ok(writer.store.hasUnwritten(AGAIN), 'the batch that waited is gone')
})

test.run()
