// A segment is begun for a batch, the batch is refused because its producer was fenced meanwhile, and the marker of
// that producer's transaction is what stands first in the segment: recovery has to put it there, not after the older
// one.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

const SEGMENT_BYTES = 1000

/** `framesBefore`: so that no checkpoint comes between the marker and what follows it. */
function live(disk: VirtualDisk, framesBefore: number, isCommitted: boolean): void {
  const host = new SyncHost(disk)
  host.open()
  for (let frame = 0; frame < framesBefore; frame++)
    host.createTopic(`AAAAAAAAAAAAAAAAAAAA${frame}g`, `t${frame}`, 1, {})
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, { 'segment.bytes': SEGMENT_BYTES })
  const older = new TransactionalClient(host, 'id').init().begin()
  older.send('t', 0, 'x'.repeat(500))
  const tooMuch = older.startSend('t', 0, 'y'.repeat(500))
  const newer = new TransactionalClient(host, 'id').init()
  host.settle()
  assert.ok(tooMuch.error !== undefined, 'the batch was to be refused')
  newer.begin().send('t', 0, 'kept')
  if (isCommitted) newer.end('commit')
  host.discard()
}

for (const mode of ['kill', 'none', 'all'] as readonly ImageMode[]) {
  for (const isCommitted of [true, false]) {
    test(`image ${mode}, ${isCommitted ? 'committed' : 'left open'}`, () => {
      for (let framesBefore = 0; framesBefore < 5; framesBefore++) {
        const disk = new VirtualDisk()
        live(disk, framesBefore, isCommitted)
        const host = new SyncHost(disk.image(new Random(1), mode))
        assert.equal(host.open().damage, [], `${framesBefore} frames before`)
        const seen = host.fetchAll('t', 0).map(({ value }) => value)
        assert.equal(seen, isCommitted ? ['kept'] : [])
        host.discard()
      }
    })
  }
}

test.run()
