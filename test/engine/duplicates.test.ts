// Rule 8: a batch that comes again is acknowledged no earlier than its original would be, and changes nothing.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AppendResult } from '../../bindings/broker/producer-session.ts'
import type { ProducerInstance } from '../../bindings/engine/commands.ts'
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

// What waits hides itself and all behind it, and a duplicate may be of anything, or of what nobody knows the place of.
test('what readers have seen stays to be seen while it comes again and waits for a flush', () => {
  const { host, send } = opened()
  const { watermarks } = host.engine.topics.partition(TOPIC, 0).partition
  for (let sequence = 0; sequence < 6; sequence++) {
    send(sequence, 1)
    host.settle()
  }
  assert.equal([watermarks.highWatermark, watermarks.durableOffset], [6, 0])
  for (const baseSequence of [5, 0]) {
    const again = send(baseSequence, 'all')
    assert.equal([again.answered, watermarks.highWatermark], [false, 6])
  }
  host.settle()
  assert.is(host.fetchAll(TOPIC, 0).length, 6)
})

test('what readers of uncommitted records have seen stays to be seen while it comes again beside what waits to be written', () => {
  const { host } = opened()
  const { watermarks } = host.engine.topics.partition(TOPIC, 0).partition
  const begin = (transactionalId: string) => {
    const options = { transactionalId, timeoutMs: 60_000 }
    const instance = host.ask<ProducerInstance>((done) => ({ kind: 'initTransactionalProducer', ...options, done }))
    host.ask<void>((done) => ({ kind: 'beginTransaction', instance, done }))
    return instance
  }
  const send = ({ producerId, producerEpoch }: ProducerInstance) => {
    const records = [{ key: null, value: 'a', timestamp: undefined, headers: undefined }]
    const request = { topic: TOPIC, partition: 0, acks: 'all', producerEpoch, baseSequence: 0, records } as const
    return host.start<AppendResult>((done) => ({ kind: 'append', producerId, request, isTransactional: true, done }))
  }
  const [one, other] = [begin('one'), begin('other')]
  send(one)
  host.settle()
  // The first one asks for a ceiling above it.
  host.fetchAll(TOPIC, 0, 'read_uncommitted')
  host.settle()
  assert.is(host.fetchAll(TOPIC, 0, 'read_uncommitted').length, 1)
  send(other)
  const again = send(one)
  assert.equal([again.answered, watermarks.highWatermark], [false, 1])
  host.settle()
  assert.equal([again.value?.baseOffset, watermarks.highWatermark], [0, 2])
})

test.run()
