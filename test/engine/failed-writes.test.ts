// Rule 10: a write that fails ends the log, wherever the append stood: one that finds its partition open, and one that
// waited for that.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import { DiskFaults } from '../../bindings/testkit/simulation/faults.ts'
import type { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { opened } from './storages.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'
const SEGMENT = 't-0/00000000000000000000.log'

const failed = suite('a write that fails')

function isStorageError(error: unknown): boolean {
  return LogError.is(error, 'KAFKA_STORAGE_ERROR')
}

function send(host: SyncHost, producerId: number, baseSequence: number) {
  const place = { topic: 't', partition: 0, producerId, producerEpoch: 0, baseSequence, acks: 1 as const }
  const sent = host.send({ ...place, values: [`record ${baseSequence}`] })
  host.settle()
  return sent
}

for (const [name, sentBefore] of [
  ['of an append that waited for its partition to be opened', 0],
  ['of an append to an open partition', 1],
] as const) {
  failed(`${name} ends the log`, () => {
    const host = opened(new VirtualDisk())
    host.createTopic(TOPIC_ID, 't', 1, {})
    const producerId = host.openProducer()
    for (let sequence = 0; sequence < sentBefore; sequence++)
      assert.is(send(host, producerId, sequence).error, undefined)
    host.storage.faults = new DiskFaults([{ kind: 'write', effect: 'error', at: 1, isSticky: false, path: SEGMENT }])
    const first = send(host, producerId, sentBefore)
    assert.ok(isStorageError(first.error), String(first.error))
    assert.is(send(host, producerId, sentBefore).error, first.error, 'what is sent again gets the same error')
    assert.throws(() => host.fetchAll('t', 0), isStorageError)
  })
}

failed.run()
