// A transaction in more partitions than may be open at once: they are opened one after the other, and again for their
// markers.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SIMULATED_SIZES, SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

/** The host opens 64 files at most. */
const PARTITIONS = 80

test('it commits, and each partition has its marker', () => {
  const host = new SyncHost(new VirtualDisk(), { sizes: { ...SIMULATED_SIZES, ringFileBytes: 1 << 18 } })
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', PARTITIONS, {})
  const client = new TransactionalClient(host, 'id').init().begin()
  for (let partition = 0; partition < PARTITIONS; partition++) client.send('t', partition, 'value')
  client.end('commit')
  client.begin().end('commit')
  for (let partition = 0; partition < PARTITIONS; partition++) {
    assert.is(host.fetchAll('t', partition).length, 1, `partition ${partition}`)
    assert.is(host.engine.topics.partition('t', partition).partition.watermarks.nextOffset, 2)
  }
})

test.run()
