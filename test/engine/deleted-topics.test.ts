// A topic is deleted while records are sent to it or deleted from it: they are refused or go with it, and the log goes
// on.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openLog } from '../../bindings/entry/embedded/embedded-log.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { FakePort, settle } from '../client/fake-port.ts'
import { slowToOpen } from '../client/share-support.ts'
import { DirectoryImage } from '../damage/directory-image.ts'
import { STORAGES } from './storages.ts'

const at = { topic: 't', partition: 0 }

for (const [name, storageOf] of Object.entries(STORAGES)) {
  test(`${name}: a send of acks 1 beside the delete of its topic ends no log`, () => {
    for (let seed = 1; seed <= 40; seed++) {
      const host = new SyncHost(storageOf(), { order: new Random(seed) })
      host.open()
      host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, {})
      host.createTopic('AAAAAAAAAAAAAAAAAAAABA', 'other', 1, {})
      const producerId = host.openProducer()
      const batch = { partition: 0, producerId, producerEpoch: 0, values: ['a'] }
      host.send({ topic: 't', ...batch, baseSequence: 0, acks: 'all' })
      host.settle()
      const deleted = host.start<void>((done) => ({ kind: 'deleteTopic', name: 't', done }))
      for (let steps = seed % 8; steps > 0; steps--) host.advance()
      try {
        host.send({ topic: 't', ...batch, baseSequence: 1, acks: 1 })
      } catch {
        // It was gone already.
      }
      host.settle()
      assert.ok(deleted.answered && deleted.error === undefined, String(deleted.error))
      const sent = host.send({ topic: 'other', ...batch, baseSequence: 0, acks: 'all' })
      host.settle()
      assert.is(sent.error, undefined, `seed ${seed}: ${sent.error}`)
      host.close()
      host.discard()
    }
  })

  test(`${name}: records can't be deleted beside the delete of one of their topics, and the others stay as they are`, () => {
    const host = new SyncHost(storageOf())
    host.open()
    const names = ['kept', 'gone']
    for (const [index, topic] of names.entries()) {
      host.createTopic(`AAAAAAAAAAAAAAAAAAAA${index}g`, topic, 1, {})
      const place = { topic, partition: 0, producerId: host.openProducer(), producerEpoch: 0, baseSequence: 0 }
      host.send({ ...place, values: ['a', 'b'], acks: 'all' })
      host.settle()
    }
    const deleted = host.start<void>((done) => ({ kind: 'deleteTopic', name: 'gone', done }))
    const at = names.map((topic) => ({ topic, partition: 0, beforeOffset: 1 }))
    const refused = host.start<readonly number[]>((done) => ({ kind: 'deleteRecords', at, done }))
    host.settle()
    assert.ok(deleted.answered && deleted.error === undefined)
    assert.ok(LogError.is(refused.error, 'UNKNOWN_TOPIC_OR_PARTITION'), String(refused.error))
    host.createTopic('AAAAAAAAAAAAAAAAAAAABA', 'later', 1, {})
    assert.equal(
      host.fetchAll('kept', 0).map(({ value }) => value),
      ['a', 'b'],
    )
    host.close()
    host.discard()
  })
}

// Where the partition was gone before, its transaction ended without it; while its next segment was made, it couldn't.
for (const event of ['commit', 'abort'] as const) {
  test(`the ${event} of a transaction that waits for a partition ends well when that is deleted`, () => {
    for (let seed = 1; seed <= 60; seed++) {
      const host = new SyncHost(STORAGES.files(), { order: new Random(seed) })
      host.open()
      host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, { 'segment.bytes': '1024' })
      host.createTopic('AAAAAAAAAAAAAAAAAAAABA', 'other', 1, {})
      const client = new TransactionalClient(host, 'id').init().begin()
      client.send('t', 0, 'x'.repeat(900))
      client.send('other', 0, 'a')
      const producerId = host.openProducer()
      const batch = { topic: 't', partition: 0, producerId, producerEpoch: 0, baseSequence: 0 }
      const deleted = host.start<void>((done) => ({ kind: 'deleteTopic', name: 't', done }))
      host.send({ ...batch, values: ['x'.repeat(900)], acks: 'all' })
      const ended = client.startEnd(event)
      host.settle()
      assert.is(deleted.error, undefined)
      assert.ok(ended.answered && ended.error === undefined, `seed ${seed}: ${ended.error}`)
      assert.equal(
        host.fetchAll('other', 0).map(({ value }) => value),
        event === 'commit' ? ['a'] : [],
      )
      host.close()
      host.discard()
    }
  })
}

for (const isMadeAgain of [false, true]) {
  const name = isMadeAgain ? 'a topic that is made again' : 'a topic that is deleted'
  test(`${name} while a record or a time is looked up in its files is no damage`, async () => {
    const image = new DirectoryImage()
    const before = await openLog(image, new FakePort())
    await before.admin.createTopic('t', { config: { 'segment.bytes': 1024 } })
    for (let count = 0; count < 10; count++) await before.producer().send({ topic: 't', value: 'x'.repeat(500) })
    await before.close()
    const slow = slowToOpen(image, 't')
    const log = await openLog(slow.store, new FakePort())
    const lookups = [log.get('t', { partition: 0, offset: 3 }), log.admin.offsetsForTimestamp([at], 1)]
    const answers = Promise.allSettled<unknown>(lookups)
    await settle()
    const deleted = log.admin.deleteTopic('t')
    await settle()
    if (isMadeAgain) await deleted
    if (isMadeAgain) await log.admin.createTopic('t')
    slow.let()
    const [record, time] = (await answers).map((answer) =>
      answer.status === 'fulfilled' ? answer.value : (answer.reason as LogError).code,
    )
    assert.is(record, isMadeAgain ? 'OFFSET_OUT_OF_RANGE' : 'UNKNOWN_TOPIC_OR_PARTITION')
    if (isMadeAgain) assert.ok(Array.isArray(time), `${time}`)
    else assert.is(time, 'UNKNOWN_TOPIC_OR_PARTITION')
    await deleted
    await log.close()
  })
}

test.run()
