// A process that is killed leaves directories of partitions that are visible and not durable. Recovery makes them
// durable before a checkpoint counts on them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CATALOGUE_TOPIC } from '../../../bindings/log/catalogue/topic-ids.ts'
import { PARTITION_METADATA, partitionDirectory } from '../../../bindings/log/files/file-names.ts'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'

const TOPIC = 't'

/** Killed while it makes the directory, before the flush or sync of `path`. */
function killedBefore(kind: string, directory: string, path: string): VirtualDisk {
  const host = new SyncHost(new VirtualDisk())
  let killed: VirtualDisk | undefined
  host.open()
  host.storage.watch = (_number, present, target) => {
    const isMade = host.storage.list('').includes(directory)
    if (isMade && present === kind && target === path) killed ??= host.storage.image(new Random(1), 'kill')
  }
  create(host)
  send(host)
  assert.ok(killed)
  return killed
}

function create(host: SyncHost<VirtualDisk>): void {
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', TOPIC, 1, {})
}

function send(host: SyncHost<VirtualDisk>): void {
  const producerId = host.openProducer()
  const place = { topic: TOPIC, partition: 0, producerId, producerEpoch: 0, baseSequence: 0 }
  const asked = host.send({ ...place, acks: 'all', values: ['a'] })
  host.settle()
  assert.is(asked.error, undefined)
}

for (const topic of [CATALOGUE_TOPIC, TOPIC]) {
  const directory = partitionDirectory(topic, 0)
  for (const [kind, path] of [
    ['syncDirectory', ''],
    ['flush', `${directory}/${PARTITION_METADATA}`],
  ] as const) {
    test(`a process that is killed before ${kind} of '${path}' while it makes ${directory}, and later power failures`, () => {
      for (const isClosed of [true, false]) {
        const host = new SyncHost(killedBefore(kind, directory, path))
        host.open()
        if (topic === CATALOGUE_TOPIC) create(host)
        send(host)
        if (isClosed) host.close()
        const after = new SyncHost(host.storage.image(new Random(1), 'none'))
        assert.equal(after.open().damage, [], `closed: ${isClosed}`)
        assert.is(after.fetchAll(TOPIC, 0).length, 1)
      }
    })
  }
}

test.run()
