// Rule 5: what is shown before it is durable lies below a durable offset ceiling.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

const TOPIC = 't'

test('a send of acks 1 whose offset reaches the ceiling is answered once a higher one, or itself, is durable', () => {
  const host = new SyncHost(new VirtualDisk(), undefined)
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

test.run()
