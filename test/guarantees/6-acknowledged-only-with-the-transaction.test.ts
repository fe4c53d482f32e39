// How is a message not acknowledged unless the consumer's transaction was committed first?
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { refuses } from '../log/catalogue/fixtures.ts'
import { afterCrash, example, fresh, TOPIC_ID, values } from './support.ts'

test('the example: acknowledged with the output, or not at all', () => {
  assert.is(
    example('6-acknowledged-only-with-the-transaction'),
    `delivered a
  inside: 0 acknowledged, output empty
  aborted, it fails after both: 0 acknowledged, output empty
delivered a
  inside: 0 acknowledged, output empty
  committed: 1 acknowledged, output a
delivered b
  inside: 1 acknowledged, output a
  committed: 2 acknowledged, output a b
`,
  )
})

function committed(host: SyncHost): number | undefined {
  return host.engine.groups.committed('g', TOPIC_ID, 0)?.nextOffset
}

for (const mode of ['none', 'kill', 'all'] as const) {
  test(`a crash before the commit (${mode}): neither output nor acknowledgement; after it: both`, () => {
    const host = fresh()
    const generation = host.join('g', 'm', ['t'])
    const offsets = [{ topicId: TOPIC_ID, partition: 0, nextOffset: 7 }]
    const client = new TransactionalClient(host, 'id').init().begin()
    client.send('t', 1, 'output')
    client.sendOffsets({ groupId: 'g', memberId: 'm', generation, offsets })
    host.settle()
    for (const each of [host, afterCrash(host, mode)]) {
      assert.equal([values(each, 1), committed(each)], [[], undefined])
    }
    client.end('commit')
    for (const each of [host, afterCrash(host, mode)]) {
      assert.equal([values(each, 1), committed(each)], [['output'], 7])
    }
  })
}

test('a consumer that the group put out acknowledges nothing, by any transaction', () => {
  const host = fresh()
  const generation = host.join('g', 'm', ['t'])
  const offsets = [{ topicId: TOPIC_ID, partition: 0, nextOffset: 7 }]
  const client = new TransactionalClient(host, 'id').init().begin()
  const request = { groupId: 'g', memberId: 'm', generation, offsets }
  refuses('ILLEGAL_GENERATION', () => client.sendOffsets({ ...request, generation: generation - 1 }))
  host.ask<void>((done) => ({ kind: 'leaveGroup', groupId: 'g', memberId: 'm', done }))
  refuses('UNKNOWN_MEMBER_ID', () => client.sendOffsets(request))
  client.end('commit')
  assert.is(committed(host), undefined)
})

test('who joins meanwhile waits for the decision', () => {
  const host = fresh()
  const generation = host.join('g', 'm', ['t'])
  const client = new TransactionalClient(host, 'id').init().begin()
  const offsets = [{ topicId: TOPIC_ID, partition: 0, nextOffset: 7 }]
  client.sendOffsets({ groupId: 'g', memberId: 'm', generation, offsets })
  const waiting = host.start<void>((done) => {
    return { kind: 'awaitStableOffsets', groupId: 'g', at: [{ topicId: TOPIC_ID, partition: 0 }], done }
  })
  host.settle()
  assert.is(waiting.answered, false)
  client.end('commit')
  assert.is(waiting.answered, true)
  assert.is(committed(host), 7)
})

test.run()
