// A decision may come to wait for its segment while that is being loaded for somebody else.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { sealedBatch } from '../../../bindings/storage/conformance/batches.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { runNow } from '../support.ts'
import { held, SHOWN, Writer } from './plain-writer.ts'

/** More than one step of a load looks at. */
const BATCHES = 400
const INDEX = `${SHOWN.topic}-0/${'0'.repeat(20)}.index`

/** Opened again, and nothing of it is loaded. */
function reopened(removed: readonly string[] = []): Writer {
  const before = new Writer(new VirtualDisk())
  before.begin(SHOWN)
  before.append(SHOWN, BATCHES)
  runNow(before.store.close())
  const disk = before.disk.reopened()
  for (const path of removed) disk.remove(path)
  const writer = new Writer(disk)
  writer.open()
  return writer
}

function decide({ store }: Writer): void {
  const { bytes, baseOffset, nextOffset, maxTimestamp } = sealedBatch({ baseOffset: BATCHES, valueBytes: 900 })
  const decision = { id: SHOWN, bytes, baseOffset, nextOffset, maxTimestamp }
  runNow(store.commit({ durable: [], decisions: [decision], ceilings: [], producerIdsEnd: undefined }))
  assert.ok(store.hasUnwritten(SHOWN), 'it waits')
}

test('an index that is made anew meanwhile has it, and what comes after it', () => {
  const writer = reopened([INDEX])
  let reads = 0
  const load = held(writer.store.prepareRead(SHOWN, 0), ({ kind }) => kind === 'read' && ++reads === 2)
  decide(writer)
  load()
  const left = BATCHES + 1
  runNow(writer.store.activate(SHOWN))
  for (let baseOffset = left; baseOffset < left + 100; baseOffset++) {
    assert.ok(writer.store.append(SHOWN, sealedBatch({ baseOffset, valueBytes: 900 }), false), `at ${baseOffset}`)
  }
  runNow(writer.store.close())
  const sizeBytes = writer.disk.reopened().open(INDEX, { create: false })?.size() ?? 0
  assert.ok(sizeBytes / 8 >= (left + 100) / 6, `${sizeBytes / 8} entries`)
})

test('on a full disk it takes its share of the reserve, and the load goes on', () => {
  const writer = reopened()
  const load = held(writer.store.prepareRead(SHOWN, 0), ({ kind }) => kind === 'open')
  decide(writer)
  writer.disk.freeBytes = 0
  load()
  assert.ok((writer.store.read(SHOWN, BATCHES, new Uint8Array(2000)) ?? 0) > 900)
})

test('so does the load of a segment that takes appends', () => {
  const writer = reopened()
  const load = held(writer.store.activate(SHOWN), ({ kind }) => kind === 'open')
  decide(writer)
  writer.disk.freeBytes = 0
  load()
  assert.ok(writer.store.isActive(SHOWN))
})

test.run()
