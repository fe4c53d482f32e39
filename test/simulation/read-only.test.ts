import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SyncHost } from '../../bindings/testkit/simulation/drive.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'

/** An acknowledged frame in the middle of the journal is gone: no crash does that, a device can. */
function withoutAFrame(): VirtualDisk {
  const disk = new VirtualDisk()
  const host = new SyncHost(disk, undefined)
  host.open()
  host.createTopic(TOPIC_ID, 't', 1, {})
  const producerId = host.openProducer()
  const values = ['value']
  host.send({ topic: 't', partition: 0, producerId, producerEpoch: 0, baseSequence: 0, values, acks: 'all' })
  host.settle()
  const image = disk.image(new Random(1), 'all')
  image.spoil('journal/00000000.ring', 4096, new Uint8Array(64))
  return image
}

function rest(host: SyncHost): void {
  for (let step = 0; host.advance(); step++) assert.ok(step < 1000, 'the engine never comes to rest')
}

test('a log that lost an acknowledged frame says so, answers every command and closes', () => {
  const host = new SyncHost(withoutAFrame(), undefined)
  const report = host.open()
  assert.match(report.damage.map(({ code }) => code).join(), /frame \d+ is missing/)
  const refused = host.start<number>((done) => ({ kind: 'openProducer', done }))
  rest(host)
  assert.ok(refused.answered, 'a write to a read-only log is answered')
  assert.is((refused.error as { code?: string }).code, 'LOG_READ_ONLY')
})

test('a log that lost an acknowledged frame closes', () => {
  const host = new SyncHost(withoutAFrame(), undefined)
  host.open()
  const closed = host.start<void>((done) => ({ kind: 'close', done }))
  rest(host)
  assert.ok(closed.answered)
  assert.is(closed.error, undefined)
})

test.run()
