// Rule 10: whoever waits for something that can't come any more is told why, however the log ends.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { JoinedGroup } from '../../bindings/broker/consumer-session.ts'
import type { ProducerInstance } from '../../bindings/engine/commands.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { DiskFaults } from '../../bindings/testkit/simulation/faults.ts'
import type { Asked, SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { opened } from './storages.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'
const AT = [{ topicId: TOPIC_ID, topic: 't', partition: 0 }]

const waits = suite('whoever waits as the log ends')

function fresh(): SyncHost<VirtualDisk> {
  const host = opened(new VirtualDisk())
  host.createTopic(TOPIC_ID, 't', 2, {})
  return host
}

/** The next commit fails. */
function fail(host: SyncHost<VirtualDisk>): void {
  host.storage.faults = new DiskFaults([{ kind: 'flush', effect: 'error', at: 1, isSticky: true }])
}

function stable(host: SyncHost): Asked<void> {
  return host.start<void>((done) => ({ kind: 'awaitStableOffsets', groupId: 'g', at: AT, done }))
}

/** A transaction with an offset that readers of stable ones wait for. */
function withOffset(host: SyncHost): TransactionalClient {
  const generation = host.join('g', 'm', ['t'])
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'value')
  client.sendOffsets({ groupId: 'g', memberId: 'm', generation, offsets: [{ ...AT[0]!, nextOffset: 1 }] })
  return client
}

function join(host: SyncHost, memberId: string): Asked<JoinedGroup> {
  const subscription = { rejoins: false, topics: ['t'], owned: [], assignors: ['range'], maxPollIntervalMs: 1e9 }
  const request = { groupId: 'g', memberId, ...subscription }
  return host.start<JoinedGroup>((done) => ({ kind: 'joinGroup', request, rebalance: () => {}, done }))
}

function assertTold({ answered, error }: Asked<unknown>, code: 'KAFKA_STORAGE_ERROR' | 'LOG_CLOSED'): void {
  assert.ok(answered, 'it waits for ever')
  assert.ok(LogError.is(error, code), String(error))
}

waits('for the same decision, which fails', () => {
  const host = fresh()
  const client = withOffset(host)
  fail(host)
  const asked = [...Array.from({ length: 3 }, () => client.startEnd('commit')), stable(host)]
  host.settle()
  for (const each of asked) assertTold(each, 'KAFKA_STORAGE_ERROR')
})

waits('for the commit after the one that fails', () => {
  const host = fresh()
  fail(host)
  const asked = ['x', 'y'].map((name, index) => {
    const topicId = `AAAAAAAAAAAAAAAAAAAAB${index === 0 ? 'A' : 'Q'}`
    const asks = host.start<void>((done) => ({ kind: 'createTopic', topicId, name, partitions: 1, config: {}, done }))
    host.advance()
    return asks
  })
  host.settle()
  for (const each of asked) assertTold(each, 'KAFKA_STORAGE_ERROR')
})

waits('for stable offsets of a transaction that stays open over the close', () => {
  const host = fresh()
  withOffset(host)
  const asked = stable(host)
  host.close()
  assertTold(asked, 'LOG_CLOSED')
})

waits('for a producer id that no frame reserved', () => {
  const host = fresh()
  fail(host)
  const command = { kind: 'initTransactionalProducer', transactionalId: 'id', timeoutMs: 1000 } as const
  const asked = host.start<ProducerInstance>((done) => ({ ...command, done }))
  host.settle()
  assertTold(asked, 'KAFKA_STORAGE_ERROR')
})

for (const code of ['KAFKA_STORAGE_ERROR', 'LOG_CLOSED'] as const) {
  waits(`for the other members of its group: ${code}`, () => {
    const host = fresh()
    host.join('g', 'first', ['t'])
    const asked = join(host, 'second')
    host.settle()
    assert.not(asked.answered)
    if (code === 'LOG_CLOSED') host.close()
    else {
      fail(host)
      host.start<number>((done) => ({ kind: 'openProducer', done }))
      host.settle()
    }
    assertTold(asked, code)
  })
}

waits.run()
