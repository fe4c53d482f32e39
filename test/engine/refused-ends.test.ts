// An end that is refused for the moment leaves its transaction open, and its producer is told and may ask again.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import { DiskFaults } from '../../bindings/testkit/simulation/faults.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { opened } from './storages.ts'

test('the end of a transaction whose partition gets no next segment for the moment', () => {
  const host = opened(new VirtualDisk())
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, { 'segment.bytes': 200 })
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'x'.repeat(100))
  host.settle()
  host.storage.faults = new DiskFaults([{ kind: 'open', effect: 'error', at: 1, path: 't-0/' }])
  const asked = [client.startSend('t', 0, 'y'.repeat(100)), client.startEnd('commit')]
  host.settle()
  for (const { answered, error } of asked) {
    assert.ok(answered, 'it waits for ever')
    assert.ok(LogError.is(error, 'KAFKA_STORAGE_ERROR'), String(error))
  }
  client.end('commit')
  assert.is(host.fetchAll('t', 0).length, 1)
})

test.run()
