// Rule 8: a batch that comes again is acknowledged no earlier than its original would be, and changes nothing.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Acks } from '../../bindings/model/positions.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

const TOPIC = 't'

function opened() {
  const host = new SyncHost(new VirtualDisk(), undefined)
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, {})
  const producerId = host.openProducer()
  const send = (baseSequence: number, acks: Acks) => {
    return host.send({ topic: TOPIC, partition: 0, producerId, producerEpoch: 0, baseSequence, acks, values: ['a'] })
  }
  return { host, send }
}

// The ceiling lies above it, so acks 1 alone would have it answered at once.
test('what waits for its flush is acknowledged to who sends it again with acks 1 after that flush, too', () => {
  const { host, send } = opened()
  send(0, 1)
  host.settle()
  const original = send(1, 'all')
  const again = send(1, 1)
  assert.equal([original.answered, again.answered], [false, false])
  host.storage.watch = (_number, kind) => {
    if (kind === 'flush') assert.not(again.answered)
  }
  host.settle()
  assert.equal([again.error, again.value?.baseOffset], [undefined, original.value?.baseOffset])
})

test.run()
