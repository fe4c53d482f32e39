// Transactions larger than a commit or the journal, over files and over rows.
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { afterCrash, flushes, fresh, opened, overStorages, TOPIC_ID, values } from './transaction-hosts.ts'

const test = overStorages('large transactions of the engine')

test('records of a large transaction are made durable ahead of its commit, which takes at most two rounds (rule 9)', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  const allFlushes = (run: () => void): number => {
    let count = 0
    host.storage.watch = (_operations, kind, path) => {
      if (kind === 'flush' && /(\.ring|\.log|^rows)$/.test(path)) count++
    }
    run()
    host.storage.watch = undefined
    return count
  }
  const large = 'x'.repeat(4000)
  const ahead = allFlushes(() => {
    for (let index = 0; index < 12; index++) {
      client.send('t', 0, `${index}${large}`)
      host.settle()
    }
  })
  assert.ok(ahead > 0, 'something was flushed before the commit')
  const { durableOffset, nextOffset } = host.engine.topics.partition('t', 0).partition.watermarks
  assert.ok(durableOffset > 0 && nextOffset - durableOffset <= 4, `${durableOffset} of ${nextOffset}`)
  assert.equal(values(host, 0), [])
  // Checkpoints sync segments as well: a commit may begin one.
  assert.is(
    flushes(host, () => client.end('commit')),
    1,
  )
  assert.is(values(host, 0).length, 12)
})

// Regression: `process` of records of 1 KB, 2 MB a transaction, wrote two frames for each.
test('records that fill the buffer are flushed once something follows them, perhaps the commit', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  const flushed = flushes(host, () => {
    for (const partition of [0, 1]) {
      client.send('t', partition, 'x'.repeat(10_000))
      host.settle()
    }
    client.end('commit')
  })
  assert.is(flushed, 1)
  assert.is(values(host, 1).length, 1)
})

test('a transaction ten times as large as the journal commits whole, or is gone whole', () => {
  const host = fresh()
  const client = new TransactionalClient(host, 'id').init().begin()
  const large = 'x'.repeat(4000)
  const written = 100
  for (let index = 0; index < written; index++) client.send('t', index % 3, `${index}${large}`)
  const before = afterCrash(host, 'all')
  assert.equal(
    [0, 1, 2].flatMap((partition) => values(before, partition)),
    [],
  )
  client.end('commit')
  const after = afterCrash(host, 'none')
  assert.is([0, 1, 2].flatMap((partition) => values(after, partition)).length, written)
})

test('a transaction that no frame could decide is refused in time', () => {
  const host = opened()
  host.createTopic(TOPIC_ID, 't', 100, {})
  const client = new TransactionalClient(host, 'id').init().begin()
  let partitions = 0
  let refused: unknown
  try {
    for (; partitions < 100; partitions++) client.send('t', partitions, 'value')
  } catch (error) {
    refused = error
  }
  assert.ok(LogError.is(refused, 'RECORD_LIST_TOO_LARGE'), String(refused))
  const { producerId } = client.instance
  const { decisionBytesMax } = host.engine.store
  assert.equal(refused.details, { transactionalId: 'id', producerId, partitions, decisionBytesMax })
  assert.ok(partitions > 30, `${partitions} partitions`)
  client.end('commit')
  for (let partition = 0; partition < partitions; partition++) assert.equal(values(host, partition), ['value'])
}, ['files'])

test.run()
