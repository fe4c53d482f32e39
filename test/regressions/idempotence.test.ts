// Behaviours of idempotent producers that Kafka's own tests hold, over the engine; each is named after its source.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { VirtualRows, type VirtualStorage } from '../../bindings/testkit/simulation/virtual-rows.ts'
import { afterCrash, fresh, TOPIC_ID, values } from '../guarantees/support.ts'
import { refuses } from '../log/catalogue/fixtures.ts'
import { content, overwrite } from '../log/segment/model.ts'

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

test('the same in one commit: a duplicate is answered with its original, not before it (durability rule 8)', () => {
  const host = fresh()
  const [a, b] = [host.openProducer(), host.openProducer()]
  append(host, { producerId: host.openProducer(), sequence: 0, values: ['opens the partition'] })
  const batches = [0, 1].flatMap((sequence) => [a, b].map((producerId) => ({ producerId, baseSequence: sequence })))
  const place = { topic: 't', partition: 0, producerEpoch: 0, values: ['x', 'y'] }
  const sent = [...batches, ...batches].map(({ producerId, baseSequence }, index) => {
    return host.send({ ...place, producerId, baseSequence: baseSequence * 2, acks: index < 4 ? 'all' : 1 })
  })
  assert.ok(sent.every(({ answered }) => !answered))
  host.settle()
  const offsets = [1, 3, 5, 7]
  assert.equal(
    sent.map(({ value }) => value?.baseOffset),
    [...offsets, ...offsets],
  )
  assert.is(values(host).length, 9)
})

test('after sequence 2147483647 comes 0, and 1 is a gap, over restarts too (testProducerSequenceWrapAround, InvalidWrap...)', () => {
  for (const storage of [new VirtualDisk(), new VirtualRows()]) wrapAround(storage)
})

function wrapAround(storage: VirtualStorage): void {
  let host = new SyncHost(storage)
  host.open()
  host.createTopic(TOPIC_ID, 't', 1, {})
  const producerId = host.openProducer()
  const last = { producerId, sequence: 2147483646, values: ['m', 'n'] }
  const over = { producerId, sequence: 0, values: ['o'] }
  assert.is(append(host, last), 0)
  for (const mode of [undefined, 'none', 'kill'] as const) {
    if (mode !== undefined) host = reopened(host, mode)
    assert.is(append(host, last), 0, 'a duplicate')
    for (const sequence of [1, 2147483647]) {
      refuses('OUT_OF_ORDER_SEQUENCE_NUMBER', () => append(host, { ...over, sequence }))
    }
  }
  assert.is(append(host, over), 2)
  // One that goes over the end itself: 2147483637 and 20 more end at 9 (kafka.md 3.4).
  const other = host.openProducer()
  const across = { producerId: other, sequence: 2147483637, values: Array.from({ length: 21 }, (_, at) => `${at}`) }
  const baseOffset = append(host, across)
  for (const mode of [undefined, 'none', 'kill'] as const) {
    if (mode !== undefined) host = reopened(host, mode)
    assert.is(append(host, across), baseOffset)
    for (const sequence of [9, 11]) {
      refuses('OUT_OF_ORDER_SEQUENCE_NUMBER', () => append(host, { producerId: other, sequence, values: ['gap'] }))
    }
  }
  assert.is(append(host, { producerId: other, sequence: 10, values: ['next'] }), baseOffset + 21)
}

function reopened(host: SyncHost, mode: 'none' | 'kill'): SyncHost {
  const later = new SyncHost(host.storage.image(new Random(1), mode))
  later.open()
  return later
}

/** Five batches of each of two producers, in segments of a few batches. */
function twoProducers(): {
  readonly host: SyncHost<VirtualDisk>
  readonly sent: readonly (Batch & { offset: number })[]
} {
  const host = fresh()
  host.ask<void>((done) => ({ kind: 'alterConfig', name: 't', changes: { 'segment.bytes': 300 }, done }))
  const producers = [host.openProducer(), host.openProducer()]
  const sent = Array.from({ length: 20 }, (_, index) => {
    const batch = { producerId: producers[index % 2]!, sequence: Math.floor(index / 2), values: [`${index}`] }
    return { ...batch, offset: append(host, batch) }
  })
  return { host, sent: sent.slice(-10) }
}

test('each of the last five batches of a producer is known after a crash, older ones as written somewhere (durability rule 8)', () => {
  const { host, sent } = twoProducers()
  for (const each of [host, afterCrash(host, 'none'), afterCrash(host, 'kill')]) {
    for (const { offset, ...batch } of sent) assert.is(append(each, batch), offset)
    for (const { producerId } of sent.slice(0, 2)) {
      for (const sequence of [0, 4]) assert.is(append(each, { producerId, sequence, values: ['old'] }), -1)
      refuses('OUT_OF_ORDER_SEQUENCE_NUMBER', () => append(each, { producerId, sequence: 4, values: ['old', 'and'] }))
      refuses('OUT_OF_ORDER_SEQUENCE_NUMBER', () => append(each, { producerId, sequence: 11, values: ['gap'] }))
    }
    assert.is(values(each).length, 20)
  }
})

function snapshots(disk: VirtualDisk): string[] {
  return disk.list('t-0').filter((name) => name.endsWith('.snapshot'))
}

test('a snapshot that is lost, empty, cut or wrong: the five batches of each are known still (testLoadFromCorruptSnapshotFile)', () => {
  const harms: ((bytes: Uint8Array) => Uint8Array | undefined)[] = [
    () => undefined,
    () => new Uint8Array(0),
    (bytes) => bytes.subarray(0, bytes.length - 1),
    (bytes) => bytes.fill(7, 2, 3),
  ]
  for (const harm of harms) {
    const { host, sent } = twoProducers()
    host.close()
    const disk = host.storage.reopened()
    const names = snapshots(disk)
    assert.ok(names.length > 2)
    for (const name of names) {
      const bytes = harm(content(disk, `t-0/${name}`)!)
      if (bytes === undefined) disk.remove(`t-0/${name}`)
      else overwrite(disk, `t-0/${name}`, bytes)
    }
    const later = new SyncHost(disk)
    assert.equal(later.open().damage, [])
    for (const { offset, ...batch } of sent) assert.is(append(later, batch), offset)
  }
})

test('snapshots outside of the log go, and producers are as a replay tells (testTruncateAndReloadRemovesOutOfRangeSnapshots)', () => {
  const { host, sent } = twoProducers()
  host.close()
  const disk = host.storage.reopened()
  const [whole] = snapshots(disk)
  for (const offset of ['00000000000000000099', '00000000000000001234']) {
    overwrite(disk, `t-0/${offset}.snapshot`, content(disk, `t-0/${whole}`)!)
  }
  let later = new SyncHost(disk)
  later.open()
  const at = [{ topic: 't', partition: 0, beforeOffset: 15 }]
  later.ask((done) => ({ kind: 'deleteRecords', at, done }))
  later.passTime(60_000)
  append(later, { ...sent.at(-1)!, sequence: 10 })
  later.close()
  const after = disk.reopened()
  const first = Number.parseInt(after.list('t-0').find((name) => name.endsWith('.log'))!, 10)
  const found = snapshots(after).map((name) => Number.parseInt(name, 10))
  assert.ok(first > 10 && found.length > 1)
  assert.ok(
    found.every((offset) => offset >= first && offset <= 21),
    `${found} in ${first} to 21`,
  )
  later = new SyncHost(after)
  later.open()
  for (const { offset, ...batch } of sent.slice(2)) assert.is(append(later, batch), offset, 'below the log start too')
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
