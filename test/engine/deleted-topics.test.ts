// A topic is deleted while records come to it or are deleted from it: they are refused or go with it, and the log goes
// on.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import { SyncHost } from '../../bindings/testkit/simulation/drive.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { STORAGES } from './storages.ts'

for (const [name, storageOf] of Object.entries(STORAGES)) {
  test(`${name}: a send of acks 1 beside the delete of its topic ends no log`, () => {
    for (let seed = 1; seed <= 40; seed++) {
      const host = new SyncHost(storageOf(), new Random(seed))
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
    const host = new SyncHost(storageOf(), undefined)
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

test.run()
