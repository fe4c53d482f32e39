// A crash leaves more open transactions than one commit set ends: the opening ends all of them, one set after the
// other.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Monitor } from '../../bindings/testkit/simulation/crash/monitor.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { VirtualRows } from '../../bindings/testkit/simulation/virtual-rows.ts'

const TRANSACTIONS = 40

for (const storageOf of [() => new VirtualDisk(), () => new VirtualRows()]) {
  test(`${storageOf().constructor.name}: in any of twenty orders`, () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new Random(seed)
      const host = new SyncHost<VirtualDisk | VirtualRows>(storageOf(), { order: random })
      host.open()
      host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 2, {})
      for (let number = 0; number < TRANSACTIONS; number++) {
        const client = new TransactionalClient(host, `${number}`.padEnd(200, 'x')).init().begin()
        client.send('t', number % 2, `${number}`)
      }
      host.settle()
      const image = host.storage.image(random, 'kill')
      const monitor = new Monitor(image)
      const again = new SyncHost<VirtualDisk | VirtualRows>(image, { order: random, observer: monitor })
      const { damage } = again.open()
      assert.equal([damage, monitor.violations], [[], []], `seed ${seed}`)
      for (const { state } of again.engine.transactions.list()) assert.is(state, 'CompleteAbort', `seed ${seed}`)
      for (const partition of [0, 1]) {
        assert.equal(again.fetchAll('t', partition), [])
        assert.is(again.fetchAll('t', partition, 'read_uncommitted').length, TRANSACTIONS / 2)
      }
      const client = new TransactionalClient(again, 'later').init().begin()
      client.send('t', 0, 'seen')
      client.end('commit')
      assert.equal(
        again.fetchAll('t', 0).map(({ value }) => value),
        ['seen'],
      )
      again.close()
      again.discard()
      host.discard()
    }
  })
}

test.run()
