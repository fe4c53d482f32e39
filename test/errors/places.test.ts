// Errors that no call of a program is near when they come: they have to say where all the same.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { assertMessageFits } from '../../bindings/engine/remote/protocol.ts'
import type { BatchHeader } from '../../bindings/kernel/kernel.ts'
import { BatchBytes, plainRecords } from '../../bindings/log/compaction/batch-bytes.ts'
import { BatchParts } from '../../bindings/log/compaction/batch-parts.ts'
import { ProducerScan } from '../../bindings/log/partition/producer-scan.ts'
import { BATCH_HEADER_BYTES } from '../../bindings/model/batch-format.ts'
import { badCompression } from '../../bindings/model/compression.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../kernel/support.ts'
import { runNow } from '../log/support.ts'

const id = { topicId: 'AAAAAAAAAAAAAAAAAAAAAg', topic: 't', partition: 3 }
const at = { topic: 't', partition: 3 }
const RING_FILE = 'journal/00000000.ring'

function thrown(run: () => unknown): LogError {
  try {
    run()
  } catch (error) {
    assert.ok(LogError.is(error), String(error))
    return error as LogError
  }
  throw new Error('nothing was thrown')
}

/** At offset 7, of one record that is none. */
function batchWithoutRecords(attributes: number): BatchBytes {
  const bytes = new Uint8Array(BATCH_HEADER_BYTES + 4)
  const view = new DataView(bytes.buffer)
  view.setInt32(4, 7)
  view.setInt32(8, bytes.length - 12)
  view.setInt16(21, attributes)
  view.setInt32(57, 1)
  bytes.fill(0xff, BATCH_HEADER_BYTES)
  return new BatchBytes(bytes)
}

test('a compaction that finds no records in a batch says in which one of which partition', () => {
  const batch = batchWithoutRecords(0)
  const records = plainRecords(at, batch, {}) as Uint8Array
  const { code, message, details } = thrown(() => new BatchParts(newKernel(), at, batch, records).next())
  const { fault, ...place } = details
  assert.equal([code, place], ['CORRUPT_MESSAGE', { ...at, offset: 7 }])
  assert.type(fault, 'string')
  assert.match(message, /^t-3 can't be compacted: its batch at offset 7 /)
})

test('a compaction that can’t decompress a batch says which one of which partition', () => {
  const decompress = () => {
    throw badCompression('it ends too early')
  }
  const codec = { compress: () => new Uint8Array(0), decompress }
  const { code, message, details } = thrown(() => plainRecords(at, batchWithoutRecords(1), { gzip: codec }))
  assert.equal([code, details], ['CORRUPT_MESSAGE', { ...at, offset: 7, fault: 'bad-compression' }])
  assert.is(message, "t-3: the batch at offset 7 can't be decompressed: it ends too early")
})

test('a recovery without memory for the producers of a partition says of which one', () => {
  const kernel = newKernel(1 << 20)
  while (kernel.allocate(4096) !== undefined) {}
  const scan = new ProducerScan(kernel, id, [])
  const of = (producerId: number) => ({ producerId, producerEpoch: 0, baseSequence: 0, baseOffset: 0 })
  const { code, message, details } = thrown(() => {
    for (let producerId = 0; producerId < 100_000; producerId++)
      scan.learn({ ...of(producerId), lastOffsetDelta: 0, maxTimestamp: 0 } as BatchHeader)
  })
  assert.equal([code, details], ['MEMORY_CAP_REACHED', at])
  assert.is(message, 'no kernel memory for the producers of t-3')
})

test('a commit of a log that lacks an acknowledged frame says where that is missing', () => {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic(id.topicId, 't', 1, {})
  const place = { topic: 't', partition: 0, producerId: host.openProducer(), producerEpoch: 0, baseSequence: 0 }
  host.send({ ...place, values: ['x'], acks: 'all' })
  host.settle()
  const disk = host.storage.image(new Random(1), 'all')
  disk.spoil(RING_FILE, 4096, new Uint8Array(64))
  const again = new SyncHost(disk)
  const [damage] = again.open().damage
  const set = { durable: [], decisions: [], ceilings: [], producerIdsEnd: 1_000_000 }
  const before = disk.digest()
  const { code, message, details } = thrown(() => runNow(again.engine.store.commit(set)))
  assert.is(code, 'LOG_READ_ONLY')
  assert.equal([details['file'], details['position']], [damage?.file, damage?.position])
  assert.ok(message.includes(`${RING_FILE} at ${damage?.position}`), message)
  assert.is(disk.digest(), before, 'nothing is written')
})

test('what is too large for a message between two processes says which call it is, and how much goes', () => {
  const messageBytesMax = 256 * 1024 * 1024
  assertMessageFits('append', messageBytesMax)
  const { code, details } = thrown(() => assertMessageFits('append', messageBytesMax + 1))
  assert.equal(
    [code, details],
    ['MESSAGE_TOO_LARGE', { call: 'append', sizeBytes: messageBytesMax + 1, messageBytesMax }],
  )
})

test.run()
