// A decision and what comes with it while it is being made durable, over files and over rows.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Command } from '../../bindings/engine/commands.ts'
import type { LogError } from '../../bindings/model/errors.ts'
import type { ConfigChanges } from '../../bindings/model/topic-config.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { opened, STORAGES } from './storages.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'

type Change = (done: (error: unknown) => void, newTopicId: string) => Command
const decisions = suite('decisions under way')

function test(name: string, run: (host: SyncHost) => void): void {
  for (const [over, storageOf] of Object.entries(STORAGES)) {
    decisions(`${over}: ${name}`, () => run(opened(storageOf())))
  }
}

test('a place whose commit is on its way to the disk is not stable before it is there', (host) => {
  host.createTopic(TOPIC_ID, 't', 1, {})
  const generation = host.join('g', 'm', ['t'])
  const at = [{ topicId: TOPIC_ID, partition: 0 }]
  const stable = () => host.start<void>((done) => ({ kind: 'awaitStableOffsets', groupId: 'g', at, done }))
  const client = new TransactionalClient(host, 'id').init().begin()
  client.sendOffsets({ groupId: 'g', memberId: 'm', generation, offsets: [{ ...at[0]!, nextOffset: 4 }] })
  const before = stable()
  const ended = client.startEnd('commit')
  const during = stable()
  while (!ended.answered) {
    assert.not.ok(before.answered || during.answered, 'who asks would begin before what is being committed')
    assert.ok(host.advance())
  }
  assert.is(ended.error, undefined)
  assert.ok(before.answered && during.answered)
  assert.is(host.engine.groups.committed('g', TOPIC_ID, 0)?.nextOffset, 4)
  assert.ok(stable().answered)
})

test('a place that two transactions may change is stable once both are decided', (host) => {
  host.createTopic(TOPIC_ID, 't', 1, {})
  const generation = host.join('g', 'm', ['t'])
  const at = [{ topicId: TOPIC_ID, partition: 0 }]
  const [earlier, later] = ['earlier', 'later'].map((id, index) => {
    const client = new TransactionalClient(host, id).init().begin()
    client.sendOffsets({ groupId: 'g', memberId: 'm', generation, offsets: [{ ...at[0]!, nextOffset: index + 1 }] })
    return client
  }) as [TransactionalClient, TransactionalClient]
  const stable = host.start<void>((done) => ({ kind: 'awaitStableOffsets', groupId: 'g', at, done }))
  earlier.end('commit')
  host.settle()
  assert.not(stable.answered)
  later.end('commit')
  assert.ok(stable.answered)
  assert.is(host.engine.groups.committed('g', TOPIC_ID, 0)?.nextOffset, 2)
})

test('who aborts a transaction by hand is answered once it is aborted, though a new instance has fenced it before', (host) => {
  host.createTopic(TOPIC_ID, 't', 1, {})
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'a')
  const init = { kind: 'initTransactionalProducer', transactionalId: 'id', timeoutMs: 60_000 } as const
  const fenced = host.start<unknown>((done) => ({ ...init, done }))
  const aborted = host.start<unknown>((done) => ({ kind: 'abortTransaction', transactionalId: 'id', done }))
  while (!fenced.answered) {
    assert.not(aborted.answered)
    assert.ok(host.advance())
  }
  host.settle()
  assert.equal([aborted.answered, aborted.error, fenced.error], [true, undefined, undefined])
})

test('a config that is asked for again while its change is on its way to the disk is in force once that is there', (host) => {
  host.createTopic(TOPIC_ID, 't', 1, {})
  const change = { kind: 'alterConfig', name: 't', changes: { 'retention.ms': 1000 } } as const
  const [first, again] = [1, 2].map(() => host.start<void>((done) => ({ ...change, done })))
  assert.not(again!.answered, 'a crash would take the change away')
  while (!first!.answered) {
    assert.not(again!.answered)
    assert.ok(host.advance())
  }
  assert.ok(again!.answered)
  assert.equal([first!.error, again!.error], [undefined, undefined])
  const later = host.start<void>((done) => ({ ...change, done }))
  host.settle()
  assert.equal([later.answered, later.error], [true, undefined])
  assert.equal(host.engine.topics.facts('t').config, { 'retention.ms': 1000 })
})

test('of two changes of a config at once the second one is judged by the first one', (host) => {
  host.createTopic(TOPIC_ID, 't', 1, {})
  const alter = (changes: ConfigChanges) =>
    host.start<void>((done) => ({ kind: 'alterConfig', name: 't', changes, done }))
  const [longer, shorter] = [alter({ 'min.compaction.lag.ms': 5 }), alter({ 'max.compaction.lag.ms': 4 })]
  host.settle()
  assert.equal([longer.answered, longer.error], [true, undefined])
  assert.is((shorter.error as LogError | undefined)?.code, 'INVALID_CONFIG', 'no later change would be accepted')
  assert.equal(host.engine.topics.facts('t').config, { 'min.compaction.lag.ms': 5 })
})

test('the config of a topic that is being made again, asked for before that is on the disk, is in force where the topic is in use by then', (host) => {
  host.createTopic(TOPIC_ID, 't', 1, {})
  host.start<void>((done) => ({ kind: 'deleteTopic', name: 't', done }))
  const topicId = 'AAAAAAAAAAAAAAAAAAAABA'
  const made = host.start<void>((done) => ({
    kind: 'createTopic',
    topicId,
    name: 't',
    partitions: 1,
    config: {},
    done,
  }))
  host.advance()
  const changes = { 'retention.ms': 1000 }
  const altered = host.start<void>((done) => ({ kind: 'alterConfig', name: 't', changes, done }))
  while (!made.answered) assert.ok(host.advance())
  assert.not(altered.answered)
  const { config } = host.engine.topics.partition('t', 0)
  assert.is.not(config.retentionMs, 1000)
  host.settle()
  assert.equal([altered.answered, altered.error], [true, undefined])
  assert.is(host.engine.topics.partition('t', 0).config.retentionMs, 1000)
})

const NEW_IDS = ['AAAAAAAAAAAAAAAAAAAABA', 'AAAAAAAAAAAAAAAAAAAABQ'] as const
const LATER_ID = 'AAAAAAAAAAAAAAAAAAAABg'

const REFUSED_BY_ITS_LIKE: Readonly<Record<string, { readonly code: string; readonly change: Change }>> = {
  'creates a topic': {
    code: 'TOPIC_ALREADY_EXISTS',
    change: (done, topicId) => ({ kind: 'createTopic', topicId, name: 'new', partitions: 1, config: {}, done }),
  },
  'deletes a topic': {
    code: 'UNKNOWN_TOPIC_OR_PARTITION',
    change: (done) => ({ kind: 'deleteTopic', name: 't', done }),
  },
  'adds partitions': {
    code: 'INVALID_PARTITIONS',
    change: (done) => ({ kind: 'createPartitions', name: 't', totalCount: 3, done }),
  },
  'changes a config': {
    code: 'INVALID_CONFIG',
    change: (done, topicId) => {
      const changes: ConfigChanges =
        topicId === NEW_IDS[0] ? { 'min.compaction.lag.ms': 5 } : { 'max.compaction.lag.ms': 4 }
      return { kind: 'alterConfig', name: 't', changes, done }
    },
  },
  'deletes a group': { code: 'GROUP_ID_NOT_FOUND', change: (done) => ({ kind: 'deleteGroup', groupId: 'g', done }) },
  'deletes a share group': {
    code: 'GROUP_ID_NOT_FOUND',
    change: (done) => ({ kind: 'deleteShareGroup', groupId: 's', done }),
  },
}

for (const [name, { code, change }] of Object.entries(REFUSED_BY_ITS_LIKE)) {
  test(`who ${name} beside another is refused once what the other did is on the disk`, (host) => {
    host.createTopic(TOPIC_ID, 't', 1, {})
    const offsets = [{ topicId: TOPIC_ID, topic: 't', partition: 0, nextOffset: 0 }]
    host.ask<void>((done) => ({ kind: 'setOffsets', groupId: 'g', offsets, done }))
    host.ask<void>((done) => ({ kind: 'startShareGroup', groupId: 's', at: offsets, done }))
    assertRefusedForGood(host, change, code)
  })
}

test('who creates a topic beside another, whose name becomes free, is refused once the other topic is on the disk', (host) => {
  const partitions = 200
  host.createTopic(TOPIC_ID, 'new', partitions, {})
  const offsets = Array.from({ length: partitions }, (_, partition) => {
    return { topicId: TOPIC_ID, topic: 'new', partition, nextOffset: 0 }
  })
  host.ask<void>((done) => ({ kind: 'setOffsets', groupId: 'g', offsets, done }))
  host.start<void>((done) => ({ kind: 'deleteTopic', name: 'new', done }))
  const { code, change } = REFUSED_BY_ITS_LIKE['creates a topic']!
  assert.is(assertRefusedForGood(host, change, code).engine.topics.facts('new').topicId, NEW_IDS[0])
})

/**
 * Two ask for the change. After a crash at the moment at which the second one is refused, one more is refused too.
 * Returns the log after that crash.
 */
function assertRefusedForGood(host: SyncHost, change: Change, code: string): SyncHost {
  const [first, again] = NEW_IDS.map((id) => host.start<void>((done) => change(done, id)))
  while (!again!.answered) assert.ok(host.advance())
  const crashed = opened(host.storage.image(new Random(1), 'none'))
  const later = crashed.start<void>((done) => change(done, LATER_ID))
  crashed.settle()
  assert.is((later.error as LogError | undefined)?.code, code, 'a crash took away what the second one was refused for')
  assert.is((again!.error as LogError).code, code)
  host.settle()
  assert.equal([first!.answered, first!.error], [true, undefined])
  return crashed
}

test('a transaction in more partitions than a frame has sectors for commits whole, beside what others send there', (host) => {
  const partitions = 40
  host.createTopic(TOPIC_ID, 't', partitions, {})
  const producerId = host.openProducer()
  const send = (partition: number, baseSequence: number, value: string) => {
    const place = { topic: 't', partition, producerId, producerEpoch: 0, baseSequence }
    return host.send({ ...place, values: [value], acks: 'all' })
  }
  for (let partition = 0; partition < partitions; partition++) send(partition, 0, 'x'.repeat(300))
  host.settle()
  const client = new TransactionalClient(host, 'id').init().begin()
  for (let partition = 0; partition < partitions; partition++) client.send('t', partition, 'y'.repeat(300))
  const ended = client.startEnd('commit')
  const beside = Array.from({ length: partitions }, (_, partition) => send(partition, 1, 'z'))
  host.settle()
  assert.ok(ended.answered && ended.error === undefined, String(ended.error))
  for (const { answered, error } of beside) assert.ok(answered && error === undefined, String(error))
  for (const each of [host, opened(host.storage.image(new Random(1), 'none'))]) {
    for (let partition = 0; partition < partitions; partition++) {
      assert.equal(
        each.fetchAll('t', partition).map(({ value }) => value.slice(0, 1)),
        ['x', 'y', 'z'],
        `partition ${partition}`,
      )
    }
  }
})

// The marker would get the offset of the batch that waits for the segment.
decisions(
  'files: a commit waits until a batch before it has its new segment, beside commits of other partitions',
  () => {
    const filling = 'x'.repeat(900)
    for (let seed = 1; seed <= 10; seed++) {
      const host = new SyncHost(new VirtualDisk(), { order: new Random(seed) })
      host.open()
      host.createTopic(TOPIC_ID, 't', 2, { 'segment.bytes': 1024 })
      const producerId = host.openProducer()
      const send = (partition: number, baseSequence: number, value: string) => {
        return host.send({
          ...{ topic: 't', partition, producerId, producerEpoch: 0, baseSequence },
          ...{ values: [value], acks: 'all' as const },
        })
      }
      const client = new TransactionalClient(host, 'id').init().begin()
      client.send('t', 0, 'a')
      send(1, 0, 'first')
      host.settle()
      const beside = send(1, 1, 'second')
      host.advance()
      const asked = [beside, client.startEnd('commit'), send(0, 0, filling), send(1, 2, 'third')]
      host.settle()
      for (const { answered, error } of asked) assert.equal([answered, error], [true, undefined], `seed ${seed}`)
      for (const each of [host, opened(host.storage.image(new Random(seed), 'none'))]) {
        const values = each.fetchAll('t', 0).map(({ value }) => value.slice(0, 1))
        assert.equal(values, ['a', 'x'], `seed ${seed}`)
      }
    }
  },
)

decisions.run()
