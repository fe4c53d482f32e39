// How is a transaction known not to be committed when no acknowledgement came, in every state?
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { refuses } from '../log/catalogue/fixtures.ts'
import { afterCrash, example, fresh, values } from './support.ts'

test('the example: the producer dies in each state', () => {
  assert.is(
    example('5-not-committed-without-an-acknowledgement'),
    `dies before the first send: Empty, 0 records visible
dies between two sends: CompleteAbort, 0 records visible
dies after asking for the commit: CompleteAbort, 0 records visible
dies after the answer: CompleteCommit, 2 records visible
`,
  )
})

function visible(host: SyncHost): string[] {
  return [0, 1].flatMap((partition) => values(host, partition))
}

for (const mode of ['none', 'kill', 'all'] as const) {
  test(`the log dies without a decision (${mode}): aborted before anything else is answered, and never late`, () => {
    const host = fresh()
    const client = new TransactionalClient(host, 'id').init().begin()
    for (const partition of [0, 1]) client.send('t', partition, 'open')
    const later = afterCrash(host, mode)
    assert.equal(visible(later), [])
    const same = new TransactionalClient(later, 'id').as(client.instance)
    refuses('TRANSACTION_ABORTABLE', () => same.send('t', 0, 'late'))
    refuses('TRANSACTION_ABORTABLE', () => same.end('commit'))
    same.end('abort')
    same.begin().send('t', 0, 'next')
    same.end('commit')
    assert.equal(visible(later), ['next'])
  })

  test(`the log dies with the answer on its way (${mode}): the recorded decision answers`, () => {
    const host = fresh()
    const client = new TransactionalClient(host, 'id').init().begin()
    for (const partition of [0, 1]) client.send('t', partition, 'decided')
    const before = client.instance
    client.end('commit')
    const later = afterCrash(host, mode)
    assert.equal(visible(later), ['decided', 'decided'])
    const again = new TransactionalClient(later, 'id').as(before)
    again.end('commit')
    refuses('INVALID_TXN_STATE', () => new TransactionalClient(later, 'id').as(before).end('abort'))
    assert.equal(visible(later), ['decided', 'decided'])
  })
}

test('the producer is silent: the clock aborts, and readers go on', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id', 1000).init().begin()
  client.send('t', 0, 'silent')
  host.engine.tick(host.engine.nextDeadline() ?? 0)
  host.settle()
  assert.is(host.engine.transactions.describe('id')?.state, 'CompleteAbort')
  assert.is(host.engine.topics.partition('t', 0).partition.lastStableOffset, 2)
})

test.run()
