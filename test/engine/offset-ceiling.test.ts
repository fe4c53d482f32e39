// Rule 5: what is shown before it is durable lies below a durable offset ceiling.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Acks } from '../../bindings/model/positions.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { VirtualFile } from '../../bindings/testkit/simulation/virtual-file.ts'

const TOPIC = 't'

test('a send of acks 1 whose offset reaches the ceiling is answered once a higher one, or itself, is durable', () => {
  const host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, {})
  const producerId = host.openProducer()
  let sequence = 0
  const send = () => {
    const place = { topic: TOPIC, partition: 0, producerId, producerEpoch: 0, baseSequence: sequence++ }
    return host.send({ ...place, acks: 1, values: ['a'] })
  }
  send()
  host.settle()
  const { watermarks } = host.engine.topics.partition(TOPIC, 0).partition
  const { ceiling } = watermarks
  assert.ok(ceiling > watermarks.nextOffset, `${ceiling}`)
  // None of the engine's effects runs meanwhile.
  while (watermarks.nextOffset < ceiling) assert.ok(send().answered, `below ${ceiling}`)
  const reaching = send()
  assert.not(reaching.answered)
  host.storage.watch = (_number, kind) => {
    if (kind === 'flush') assert.not(reaching.answered)
  }
  host.settle()
  assert.ok(reaching.answered)
  assert.is(reaching.error, undefined)
})

test("the frame that raises ceilings and does nothing else is one that the program needn't wait for, and no other", () => {
  const { writeDurably } = VirtualFile.prototype
  let count = 0
  VirtualFile.prototype.writeDurably = function (bytes, position) {
    count++
    return writeDurably.call(this, bytes, position)
  }
  try {
    const host = new SyncHost(new VirtualDisk())
    host.open()
    host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, {})
    const producerId = host.openProducer()
    let sequence = 0
    const frames = (...each: readonly Acks[]): number => {
      const before = count
      for (const acks of each) {
        const place = { topic: TOPIC, partition: 0, producerId, producerEpoch: 0, baseSequence: sequence++ }
        host.send({ ...place, acks, values: ['a'] })
      }
      host.settle()
      return count - before
    }
    assert.is(count, 0, 'topics and producer ids are waited for')
    assert.is(frames('all'), 0)
    assert.is(frames(1), 1)
    assert.is(frames(...Array(8).fill(1)), 1)
    assert.is(frames(...Array(8).fill(1), 'all'), 0, 'with a record that is waited for')
  } finally {
    VirtualFile.prototype.writeDurably = writeDurably
  }
})

test.run()
