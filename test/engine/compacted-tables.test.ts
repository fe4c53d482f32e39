// The log's own tables are compacted, and an open that replays them comes to the same state.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ProducerInstance } from '../../bindings/engine/commands.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'

const GROUPS = ['g', 'h']
const IDS = ['x', 'y', 'z']
/** Beyond segment.ms: the next record begins a segment. */
const ROLL_MS = 8 * 86_400_000
const TABLES = ['__consumer_offsets', '__transaction_state'] as const

type Host = SyncHost<VirtualDisk>

function commit(host: Host, groupId: string, generation: number, nextOffset: number): void {
  const { topicId } = host.engine.topics.facts('t')
  const request = { groupId, memberId: `of-${groupId}`, generation, offsets: [{ topicId, partition: 0, nextOffset }] }
  host.ask<void>((done) => ({ kind: 'commitOffsets', request, done }))
}

/** What groups and transactional ids are, as far as records tell it. */
function tablesOf({ engine }: Host): unknown {
  const { topicId } = engine.topics.facts('t')
  const offsets = GROUPS.map((groupId) => {
    const { generation } = engine.groups.describe(groupId) ?? {}
    return [generation, engine.groups.committed(groupId, topicId, 0)]
  })
  const transactions = [...engine.transactions.list()].map((each) => ({ ...each, lastUpdateMs: 0 }))
  return JSON.parse(JSON.stringify([offsets, transactions]))
}

function reopened(host: Host, mode: 'kill' | 'none'): Host {
  const next = new SyncHost(host.storage.image(new Random(5), mode))
  assert.equal(next.open().damage, [])
  return next
}

test('offsets and transactional ids are what they were, after far fewer records', () => {
  const host: Host = new SyncHost(new VirtualDisk())
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, {})
  const generations = new Map(GROUPS.map((groupId) => [groupId, host.join(groupId, `of-${groupId}`, ['t'])]))
  const work = (rounds: number, from: number) => {
    for (let round = 0; round < rounds; round++) {
      for (const [groupId, generation] of generations) commit(host, groupId, generation, from + round)
      for (const transactionalId of IDS) {
        const init = { kind: 'initTransactionalProducer', transactionalId, timeoutMs: 900_000 } as const
        host.ask<ProducerInstance>((done) => ({ ...init, done }))
      }
    }
  }
  work(30, 1)
  host.passTime(ROLL_MS)
  work(10, 31)
  const before = TABLES.map((topic) => host.fetchAll(topic, 0).length)
  host.passTime(16_000)
  TABLES.forEach((topic, index) => {
    const left = host.fetchAll(topic, 0).length
    assert.ok(left < (before[index] ?? 0) / 2, `${topic}: ${left} of ${before[index]} records`)
  })
  const told = tablesOf(host)
  for (const mode of ['kill', 'none'] as const) assert.equal(tablesOf(reopened(host, mode)), told, mode)
  host.close()
  assert.equal(tablesOf(reopened(host, 'none')), told, 'after a close')
})

test.run()
