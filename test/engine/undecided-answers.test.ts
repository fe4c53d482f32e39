// What rests on a change that isn't durable yet is told once it is: a power loss would make it untrue.
import * as assert from 'uvu/assert'
import type { AcquiredRange } from '../../bindings/broker/share-session.ts'
import type { Command } from '../../bindings/engine/commands.ts'
import { LogError, storageFailed } from '../../bindings/model/errors.ts'
import type { Asked, SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { afterCrash, fresh, overStorages, TOPIC_ID } from './transaction-hosts.ts'

const test = overStorages('undecided answers')

const AT = { topicId: TOPIC_ID, topic: 't', partition: 0, nextOffset: 0 }
const WEEK_MS = 7 * 24 * 3_600_000

type Give = (done: (error: unknown, value?: unknown) => void) => Command

interface Undecided {
  readonly code: string
  /** Plans a change that isn't durable when it returns, and gives the command that is refused by it. */
  readonly prepare: (host: SyncHost) => Give
  /** Whether the log has the change, after a power loss. */
  readonly isDecided: (host: SyncHost) => boolean
}

const hasAccepted = ({ engine }: SyncHost) => engine.shares.facts('s').some(({ startOffset }) => startOffset === 1)
const isDeleted = ({ engine }: SyncHost) => engine.catalogue.durable.byName('t') === undefined

function deleting(host: SyncHost): void {
  host.start<void>((done) => ({ kind: 'deleteTopic', name: 't', done }))
}

function member(host: SyncHost) {
  return { groupId: 'g', memberId: 'm', generation: host.join('g', 'm', ['t']), offsets: [AT] }
}

/** A client whose transaction another instance of its id fences. */
function fenced(host: SyncHost): TransactionalClient {
  const client = new TransactionalClient(host, 'id').init().begin()
  client.send('t', 0, 'a')
  fencing(host)
  return client
}

function fencing(host: SyncHost): void {
  const init = { kind: 'initTransactionalProducer', transactionalId: 'id', timeoutMs: 60_000 } as const
  host.start<unknown>((done) => ({ ...init, done }))
}

const isFenced = ({ engine }: SyncHost) => (engine.transactions.describe('id')?.producerEpoch ?? 0) > 0

const UNDECIDED: Readonly<Record<string, Undecided>> = {
  'who deletes records of a topic that is being deleted': {
    code: 'UNKNOWN_TOPIC_OR_PARTITION',
    prepare: (host) => {
      deleting(host)
      return (done) => ({ kind: 'deleteRecords', at: [{ topic: 't', partition: 0, beforeOffset: 0 }], done })
    },
    isDecided: isDeleted,
  },
  'who sets offsets of a topic that is being deleted': {
    code: 'UNKNOWN_TOPIC_ID',
    prepare: (host) => {
      deleting(host)
      return (done) => ({ kind: 'setOffsets', groupId: 'g', offsets: [AT], done })
    },
    isDecided: isDeleted,
  },
  'who starts a share group in a topic that is being deleted': {
    code: 'UNKNOWN_TOPIC_ID',
    prepare: (host) => {
      deleting(host)
      return (done) => ({ kind: 'startShareGroup', groupId: 's', at: [AT], done })
    },
    isDecided: isDeleted,
  },
  'a member that commits in a topic that is being deleted': {
    code: 'UNKNOWN_TOPIC_ID',
    prepare: (host) => {
      const request = member(host)
      deleting(host)
      return (done) => ({ kind: 'commitOffsets', request, done })
    },
    isDecided: isDeleted,
  },
  'who sends offsets of a topic that is being deleted': {
    code: 'UNKNOWN_TOPIC_ID',
    prepare: (host) => {
      const request = member(host)
      const { instance } = new TransactionalClient(host, 'id').init().begin()
      deleting(host)
      return (done) => ({ kind: 'sendOffsets', instance, request, done })
    },
    isDecided: isDeleted,
  },
  'a share member that accepts once more what it is accepting': {
    code: 'INVALID_RECORD_STATE',
    prepare: (host) => {
      const accept = accepting(host)
      host.start<unknown>(accept)
      return accept
    },
    isDecided: hasAccepted,
  },
  'who fences an id that is expiring': {
    code: 'TRANSACTIONAL_ID_NOT_FOUND',
    prepare: (host) => {
      new TransactionalClient(host, 'id').init()
      host.tickAfter(WEEK_MS + 1)
      return (done) => ({ kind: 'fenceProducer', transactionalId: 'id', done })
    },
    isDecided: ({ engine }) => engine.transactions.describe('id') === undefined,
  },
  'who aborts a transaction that is being committed': {
    code: 'INVALID_TXN_STATE',
    prepare: (host) => {
      const client = new TransactionalClient(host, 'id').init().begin()
      client.send('t', 0, 'a')
      const { instance } = client
      client.startEnd('commit')
      return (done) => ({ kind: 'endTransaction', instance, event: 'abort', done })
    },
    isDecided: ({ engine }) => engine.transactions.describe('id')?.state === 'CompleteCommit',
  },
  'who ends a transaction that is being fenced': {
    code: 'PRODUCER_FENCED',
    prepare: (host) => {
      const { instance } = fenced(host)
      return (done) => ({ kind: 'endTransaction', instance, event: 'commit', done })
    },
    isDecided: isFenced,
  },
  'who sends in a transaction that is being fenced': {
    code: 'PRODUCER_FENCED',
    prepare: (host) => sendingTo(0, fenced(host)),
    isDecided: isFenced,
  },
  'who sends to a new partition in a transaction that is being fenced': {
    code: 'PRODUCER_FENCED',
    prepare: (host) => sendingTo(1, fenced(host)),
    isDecided: isFenced,
  },
  'who begins a transaction as a producer that is being fenced': {
    code: 'PRODUCER_FENCED',
    prepare: (host) => {
      const { instance } = new TransactionalClient(host, 'id').init()
      fencing(host)
      return (done) => ({ kind: 'beginTransaction', instance, done })
    },
    isDecided: isFenced,
  },
}

function sendingTo(partition: number, { instance: { producerId, producerEpoch } }: TransactionalClient): Give {
  const records = [{ key: null, value: 'b', timestamp: undefined, headers: undefined }]
  const request = { topic: 't', partition, producerEpoch, baseSequence: 1, acks: 'all' as const, records }
  return (done) => ({ kind: 'append', producerId, request, isTransactional: true, done })
}

function accepting(host: SyncHost): Give {
  const producerId = host.openProducer()
  host.send({ topic: 't', partition: 0, producerId, producerEpoch: 0, baseSequence: 0, values: ['a'], acks: 'all' })
  host.settle()
  const share = { groupId: 's', memberId: 'm' }
  const request = { topics: ['t'], maxOffsets: 1, lockMs: 1e9, startAt: 'earliest' } as const
  const [range] = host.ask<readonly AcquiredRange[]>((done) => {
    return { kind: 'acquireShare', member: share, request, release: () => {}, done }
  })
  const accepted = { ...range!, type: 'accept', delayMs: 0 } as const
  return (done) => ({ kind: 'acknowledgeShare', member: share, request: accepted, done })
}

for (const [who, { code, prepare, isDecided }] of Object.entries(UNDECIDED)) {
  test(`${who} is refused once that is on the disk`, () => {
    const host = fresh()
    const give = prepare(host)
    assert.not(isDecided(afterCrash(host, 'none')), 'nothing is on its way to the disk')
    const refused = host.start<unknown>(give)
    while (!refused.answered) assert.ok(host.advance())
    assert.is(codeOf(refused), code)
    assert.ok(isDecided(afterCrash(host, 'none')), 'a crash takes away what it was refused for')
    // With nothing on its way there is nothing to wait for.
    const again = host.start<unknown>(give)
    assert.ok(again.answered)
    assert.ok(again.error instanceof LogError)
  })
}

function codeOf({ error }: Asked<unknown>): unknown {
  return error instanceof LogError ? error.code : error
}

test('where the disk fails, who was to be refused hears of that', () => {
  const host = fresh()
  deleting(host)
  const refused = host.start<void>((done) => ({ kind: 'setOffsets', groupId: 'g', offsets: [AT], done }))
  assert.not(refused.answered)
  host.storage.watch = (_operations, kind, path) => {
    if (kind === 'flush' && (path.endsWith('.ring') || path === 'rows'))
      throw storageFailed(new Error('the disk is broken'))
  }
  host.settle()
  assert.ok(refused.answered)
  assert.is(codeOf(refused), 'KAFKA_STORAGE_ERROR')
})

test('what is told of share groups is told once it is on the disk', () => {
  const host = fresh()
  const accept = accepting(host)
  const settled = host.start<void>((done) => ({ kind: 'awaitDecisions', done }))
  assert.ok(settled.answered, 'there is nothing to wait for')
  host.start<unknown>(accept)
  assert.ok(hasAccepted(host), 'members see it at once')
  const told = host.start<void>((done) => ({ kind: 'awaitDecisions', done }))
  while (!told.answered) assert.ok(host.advance())
  assert.ok(hasAccepted(afterCrash(host, 'none')))
})

interface End {
  readonly plan: (host: SyncHost, request: ReturnType<typeof member>) => void
  readonly isDecided: (host: SyncHost) => boolean
}

/** What ends the part that an open transaction has in the offsets of a group. */
const ENDS: Readonly<Record<string, End>> = {
  'a commit outside of any transaction': {
    plan: (host, request) => {
      const offsets = [{ ...AT, nextOffset: 7 }]
      host.start<void>((done) => ({ kind: 'commitOffsets', request: { ...request, offsets }, done }))
    },
    isDecided: ({ engine }) => engine.groups.committed('g', TOPIC_ID, 0)?.nextOffset === 7,
  },
  'the delete of the topic': { plan: deleting, isDecided: isDeleted },
  'the delete of the group': {
    plan: (host) => {
      host.ask<void>((done) => ({ kind: 'leaveGroup', groupId: 'g', memberId: 'm', done }))
      host.start<void>((done) => ({ kind: 'deleteGroup', groupId: 'g', done }))
    },
    isDecided: ({ engine }) => engine.groups.describe('g') === undefined,
  },
}

for (const [what, { plan, isDecided }] of Object.entries(ENDS)) {
  test(`offsets are stable once ${what} is on the disk`, () => {
    const host = fresh()
    const request = member(host)
    new TransactionalClient(host, 'id').init().begin().sendOffsets(request)
    const before = stable(host)
    host.settle()
    assert.not(before.answered, 'the transaction may still change them')
    plan(host, request)
    const during = stable(host)
    assert.not(before.answered || during.answered)
    while (!before.answered && !during.answered) assert.ok(host.advance(), 'nobody tells who waits')
    assert.ok(isDecided(afterCrash(host, 'none')), 'who asks would begin before what is being committed')
    host.settle()
    assert.ok(before.answered && during.answered)
  })
}

function stable(host: SyncHost): Asked<void> {
  return host.start<void>((done) => ({ kind: 'awaitStableOffsets', groupId: 'g', at: [AT], done }))
}

test.run()
