// Consumer groups that read the log's own topics: they commit there and go on, as in any other topic.
import * as assert from 'uvu/assert'
import { listGroups } from '../../bindings/engine/sessions/group-descriptions.ts'
import type { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { afterCrash, fresh, overStorages } from './transaction-hosts.ts'

const test = overStorages("groups of the log's own topics")

const topic = '__consumer_offsets'
const member = { groupId: 'g', memberId: 'm' }

function at(host: SyncHost, nextOffset: number) {
  return [{ topicId: host.engine.topics.facts(topic).topicId, topic, partition: 0, nextOffset }]
}

function offsets(host: SyncHost): readonly number[] {
  return listGroups(host.engine).flatMap((group) => group.offsets.map(({ nextOffset }) => nextOffset))
}

test('a member commits in them, and the group goes on there after a close and a crash', () => {
  const host = fresh()
  const generation = host.join('g', 'm', [topic])
  host.ask<void>((done) => {
    return { kind: 'commitOffsets', request: { ...member, generation, offsets: at(host, 1) }, done }
  })
  assert.equal(offsets(host), [1])
  assert.equal(offsets(afterCrash(host, 'none')), [1])
  host.close()
  assert.equal(offsets(afterCrash(host, 'all')), [1])
})

test('a group is moved in them by hand', () => {
  const host = fresh()
  host.ask<void>((done) => ({ kind: 'setOffsets', groupId: 'g', offsets: at(host, 2), done }))
  assert.equal(offsets(afterCrash(host, 'none')), [2])
})

test('a transaction commits offsets in them', () => {
  const host = fresh()
  const generation = host.join('g', 'm', [topic])
  const client = new TransactionalClient(host, 'id').init().begin()
  client.sendOffsets({ ...member, generation, offsets: at(host, 3) })
  client.end('commit')
  assert.equal(offsets(afterCrash(host, 'none')), [3])
})

test.run()
