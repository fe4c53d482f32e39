// Behaviours of idempotent producers that Kafka's own tests hold, over the engine; each is named after its source.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { SyncHost } from '../../bindings/testkit/simulation/drive.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { afterCrash, fresh, values } from '../guarantees/support.ts'
import { refuses } from '../log/catalogue/fixtures.ts'

interface Batch {
  readonly producerId: number
  readonly epoch?: number
  readonly sequence: number
  readonly values: readonly string[]
  readonly partition?: number
}

function append(host: SyncHost, { producerId, epoch = 0, sequence, values, partition = 0 }: Batch): number {
  const place = { topic: 't', partition, producerId, producerEpoch: epoch, baseSequence: sequence }
  const sent = host.send({ ...place, values, acks: 'all' })
  host.settle()
  if (sent.error !== undefined) throw sent.error
  return sent.value?.baseOffset ?? -1
}

test('six single batches and one of three: the last again gives the same offsets (testDuplicateAppends)', () => {
  const host = fresh()
  const producerId = host.openProducer()
  for (let sequence = 0; sequence < 6; sequence++) append(host, { producerId, sequence, values: [`${sequence}`] })
  const three = { producerId, sequence: 6, values: ['6', '7', '8'] }
  assert.is(append(host, three), 6)
  assert.is(append(host, three), 6)
  assert.is(append(host, { producerId, sequence: 5, values: ['5'] }), 5)
  refuses('OUT_OF_ORDER_SEQUENCE_NUMBER', () => append(host, { producerId, sequence: 7, values: ['7', '8'] }))
  assert.is(values(host).length, 9)
})

test('several producers between each other: duplicates of each are its own (testMultipleProducersWithDuplicates...)', () => {
  const host = fresh()
  const [a, b] = [host.openProducer(), host.openProducer()]
  for (let sequence = 0; sequence < 3; sequence++) {
    append(host, { producerId: a, sequence, values: [`a${sequence}`] })
    append(host, { producerId: b, sequence, values: [`b${sequence}`] })
  }
  assert.is(append(host, { producerId: a, sequence: 1, values: ['a1'] }), 2)
  assert.is(append(host, { producerId: b, sequence: 1, values: ['b1'] }), 3)
  assert.equal(values(host), ['a0', 'b0', 'a1', 'b1', 'a2', 'b2'])
})

test('an unknown producer may begin anywhere (testAllowNonZeroSequenceOnFirstAppendNonZeroEpoch, franz-go 1281)', () => {
  const host = fresh()
  const producerId = host.openProducer()
  assert.is(append(host, { producerId, epoch: 1, sequence: 3, values: ['x'] }), 0)
})

test('an older epoch is refused, a newer one begins at 0 and forgets the batches before (testOldProducerEpoch)', () => {
  const host = fresh()
  const producerId = host.openProducer()
  append(host, { producerId, epoch: 1, sequence: 0, values: ['one'] })
  refuses('INVALID_PRODUCER_EPOCH', () => append(host, { producerId, epoch: 0, sequence: 1, values: ['old'] }))
  refuses('OUT_OF_ORDER_SEQUENCE_NUMBER', () => append(host, { producerId, epoch: 2, sequence: 5, values: ['gap'] }))
  assert.is(append(host, { producerId, epoch: 2, sequence: 0, values: ['two'] }), 1)
  assert.equal(values(host), ['one', 'two'])
})

test('a marker raises the epoch: sequences begin at 0 (testOutOfSequenceAfterControlRecordEpochBump)', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'a', 'b')
  client.end('commit')
  client.begin()
  const { producerId, producerEpoch } = client.instance
  const place = { topic: 't', partition: 0, acks: 'all' as const, producerEpoch }
  const records = [{ key: null, value: 'x', timestamp: undefined, headers: undefined }]
  refuses('OUT_OF_ORDER_SEQUENCE_NUMBER', () =>
    host.ask((done) => {
      return {
        kind: 'append',
        producerId,
        request: { ...place, baseSequence: 2, records },
        isTransactional: true,
        done,
      }
    }),
  )
  assert.is(client.send('t', 0, 'c'), 3)
})

test('the epoch of an ended transaction is refused by its partitions themselves (KIP-890)', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'a')
  const { producerId, producerEpoch } = client.instance
  client.end('abort')
  for (const sequence of [0, 1]) {
    refuses('INVALID_PRODUCER_EPOCH', () =>
      append(host, { producerId, epoch: producerEpoch, sequence, values: ['late'] }),
    )
  }
})

test('an id is never given twice, whatever crash lies between (durability rule 8)', () => {
  let host = fresh()
  const given = new Set<number>()
  for (let life = 0; life < 3; life++) {
    for (let count = 0; count < 3; count++) given.add(host.openProducer())
    host = afterCrash(host, life % 2 === 0 ? 'none' : 'kill')
  }
  assert.is(given.size, 9)
})

test.run()
