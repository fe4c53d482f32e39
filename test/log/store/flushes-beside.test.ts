// Rule 10: nothing is flushed after a flush that failed. What a checkpoint beside it still wants flushed isn't,
// whichever file of the ring the frame went to: once, files by which a ring had grown were flushed apart, and a
// checkpoint went on after a frame that failed in one of them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DiskFaults } from '../../../bindings/testkit/simulation/faults.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'

const TOPIC = 't'

/** Sends until a flush fails; answers in which file, and what was flushed or synced after it. */
function life(seed: number, at: number): { failed: string | undefined; behind: string[] } {
  const host = new SyncHost(new VirtualDisk(), { order: new Random(seed) })
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, {})
  const producerId = host.openProducer()
  const faults = new DiskFaults([{ kind: 'flush', effect: 'error', at, path: '.ring' }])
  host.storage.faults = faults
  let failed: string | undefined
  const behind: string[] = []
  let last = ''
  host.storage.watch = (_, kind, path) => {
    if (kind !== 'flush' && kind !== 'syncDirectory') return
    if (faults.struck > 0) {
      failed ??= last
      behind.push(path)
    }
    last = path
  }
  for (let sequence = 0; sequence < 60 && faults.struck === 0; sequence++) {
    const request = { topic: TOPIC, partition: 0, producerId, producerEpoch: 0, acks: 'all' as const }
    host.send({ ...request, baseSequence: sequence, values: ['x'.repeat(3000)] })
    if (sequence % 4 === 3) for (let step = 0; step < 6; step++) host.advance()
  }
  host.settle()
  return { failed: faults.struck > 0 ? (failed ?? last) : undefined, behind }
}

test('nothing is flushed or synced after a flush of a frame that failed', () => {
  const files = new Set<string>()
  for (let seed = 1; seed <= 10; seed++) {
    for (const at of [6, 12, 18, 24]) {
      const { failed, behind } = life(seed, at)
      if (failed !== undefined) files.add(failed)
      assert.equal(behind, [], `seed ${seed}, flush ${at} in ${failed}`)
    }
  }
  assert.ok(files.has('journal/00000000.ring') && files.has('journal/00000002.ring'), `of ${[...files].join(' ')}`)
})

test.run()
