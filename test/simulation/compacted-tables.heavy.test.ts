// The log's own tables (offsets, transactional ids, share groups, positions of ingest) are compacted while the log is
// crashed before its operations and inside the openings after them. What stands in a table afterwards is what the last
// acknowledged change said, or the one that was asked for after it; topics are what they were. `all` as argument:
// every operation.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AppendResult } from '../../bindings/broker/producer-session.ts'
import type { AcquiredRange } from '../../bindings/broker/share-session.ts'
import type { ProducerInstance } from '../../bindings/engine/commands.ts'
import { INTERNAL_TOPIC_IDS } from '../../bindings/log/catalogue/topic-ids.ts'
import { recoveryMarks } from '../../bindings/log/recovery-marks.ts'
import { POSITIONS_TOPIC } from '../../bindings/model/names.ts'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { type Crashes, crashEverywhere, describeCrashes } from './crash-everywhere.ts'

const MODES: readonly ImageMode[] = ['kill', 'none', 'all', 'torn', 'mixed', 'mixed']
const STEP = process.argv[2] === 'all' ? 1 : 5
const GROUPS = ['g', 'h']
const IDS = ['x', 'y']
const INTERVAL_MS = 1000
const CLEANUP = { tableSegmentBytes: 900, compactionIntervalMs: INTERVAL_MS }
const ROUNDS = 12
const TABLES = ['__consumer_offsets', '__transaction_state', '__share_group_state', POSITIONS_TOPIC]

type Host = SyncHost<VirtualDisk>

/** By what it is of: what was acknowledged last, and what was asked for last. */
class Told {
  readonly acknowledged: Map<string, number> = new Map()
  readonly asked: Map<string, number> = new Map()

  during<T>(what: string, value: number, act: () => T): T {
    this.asked.set(what, value)
    const result = act()
    this.acknowledged.set(what, value)
    return result
  }
}

/** Everything that has a table, again and again, so that nearly all of its records are old ones. */
class Life {
  readonly #host: Host
  readonly #told: Told
  readonly #generations: ReadonlyMap<string, number>
  readonly #member = { groupId: 's', memberId: 'of-s' }

  constructor(host: Host, told: Told) {
    this.#host = host
    this.#told = told
    host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, { 'segment.bytes': 2000 })
    this.#generations = new Map(GROUPS.map((groupId) => [groupId, host.join(groupId, `of-${groupId}`, ['t'])]))
    const producerId = host.openProducer()
    for (let sequence = 0; sequence < ROUNDS; sequence++) {
      const from = { producerId, producerEpoch: 0, baseSequence: sequence }
      host.send({ topic: 't', partition: 0, ...from, values: [`${sequence}`], acks: 'all' })
    }
    host.settle()
  }

  round(number: number): void {
    for (const groupId of GROUPS) this.#told.during(`offset of ${groupId}`, number, () => this.#commit(groupId, number))
    this.#share(number)
    for (const transactionalId of IDS) this.#transaction(transactionalId, number)
  }

  #commit(groupId: string, nextOffset: number): void {
    const { topicId } = this.#host.engine.topics.facts('t')
    const generation = this.#generations.get(groupId) ?? -1
    const request = { groupId, memberId: `of-${groupId}`, generation, offsets: [{ topicId, partition: 0, nextOffset }] }
    this.#host.ask<void>((done) => ({ kind: 'commitOffsets', request, done }))
  }

  /** One record more is accepted. */
  #share(number: number): void {
    const member = this.#member
    const request = { topics: ['t'], maxOffsets: 1, lockMs: 900_000, startAt: 'earliest' } as const
    const [range] = this.#host.ask<readonly AcquiredRange[]>((done) => ({
      kind: 'acquireShare',
      member,
      request,
      release: () => {},
      done,
    }))
    if (range === undefined) return
    const done = { ...range, type: 'accept', delayMs: 0 } as const
    this.#told.during('accepted', number, () =>
      this.#host.ask<void>((told) => ({ kind: 'acknowledgeShare', member, request: done, done: told })),
    )
  }

  /** As ingest does: a row and how far it came. */
  #transaction(transactionalId: string, number: number): void {
    const host = this.#host
    const init = { kind: 'initTransactionalProducer', transactionalId, timeoutMs: 900_000 } as const
    const instance = host.ask<ProducerInstance>((done) => ({ ...init, done }))
    host.ask<void>((done) => ({ kind: 'beginTransaction', instance, done }))
    const { producerId, producerEpoch } = instance
    const record = { key: transactionalId, value: `${number}`, timestamp: undefined, headers: undefined }
    const to = { topic: POSITIONS_TOPIC, partition: 0, producerEpoch, baseSequence: 0, acks: 'all' as const }
    const request = { ...to, records: [record] }
    host.ask<AppendResult>((done) => ({ kind: 'append', producerId, request, isTransactional: true, done }))
    this.#told.during(`position of ${transactionalId}`, number, () =>
      host.ask<ProducerInstance>((done) => ({ kind: 'endTransaction', instance, event: 'commit', done })),
    )
    this.#told.during(`epoch of ${transactionalId}`, producerEpoch, () => {})
  }
}

function play(disk: VirtualDisk, told: Told): void {
  const host: Host = new SyncHost(disk, { cleanup: CLEANUP })
  host.open()
  const life = new Life(host, told)
  for (let number = 1; number <= ROUNDS; number++) {
    life.round(number)
    if (number % 4 === 0) host.passTime(2 * INTERVAL_MS)
  }
  host.close()
}

/** What is wrong with the tables on this disk; another pass goes over them. */
function judge(disk: VirtualDisk, told: Told): string[] {
  const host: Host = new SyncHost(disk, { cleanup: CLEANUP })
  try {
    const wrong = host.open().damage.map((damage) => `damage ${JSON.stringify(damage)}`)
    const isMissing = host.engine.catalogue.durable.byName('t') === undefined
    if (isMissing) return told.acknowledged.size > 0 ? [...wrong, 'the topic is gone'] : wrong
    wrong.push(...judgeTables(host, told))
    host.passTime(2 * INTERVAL_MS)
    wrong.push(...judgeTables(host, told).map((each) => `after another pass: ${each}`))
    return wrong
  } finally {
    host.discard()
  }
}

function judgeTables(host: Host, told: Told): string[] {
  const found = tablesOf(host)
  const wrong: string[] = []
  for (const [what, asked] of told.asked) {
    const least = told.acknowledged.get(what) ?? 0
    const value = found.get(what) ?? 0
    // An opening raises the epoch of a transaction that it aborts.
    const most = what.startsWith('epoch') ? Number.POSITIVE_INFINITY : asked
    if (value < least || value > most) wrong.push(`${what} is ${value}, acknowledged was ${least}, asked for ${asked}`)
  }
  return wrong
}

function tablesOf(host: Host): Map<string, number> {
  const { engine } = host
  const { topicId } = engine.topics.facts('t')
  const found = new Map<string, number>()
  for (const groupId of GROUPS) {
    found.set(`offset of ${groupId}`, engine.groups.committed(groupId, topicId, 0)?.nextOffset ?? 0)
  }
  for (const { transactionalId, producerEpoch } of engine.transactions.list()) {
    found.set(`epoch of ${transactionalId}`, producerEpoch)
  }
  for (const { key, value } of host.fetchKeyed(POSITIONS_TOPIC, 0)) found.set(`position of ${key}`, Number(value))
  found.set('accepted', acceptedOf(host))
  return found
}

/** The first record that the share group still delivers: those before it are done. */
function acceptedOf(host: Host): number {
  const member = { groupId: 's', memberId: `look-${host.now}` }
  const request = { topics: ['t'], maxOffsets: 1, lockMs: 1, startAt: 'earliest' } as const
  const asked = host.start<readonly AcquiredRange[]>((done) => ({
    kind: 'acquireShare',
    member,
    request,
    release: () => {},
    done,
  }))
  host.settle()
  const first = asked.value?.[0]?.firstOffset
  host.ask<void>((done) => ({ kind: 'leaveShare', member, done }))
  return first ?? ROUNDS
}

let crashes: Crashes | undefined

// Others ran in this process before.
test.before(() => recoveryMarks.counts.clear())

test('whenever a log is crashed whose tables are compacted, each says what was acknowledged last', () => {
  crashes = crashEverywhere({
    ...{ modes: MODES, step: STEP, openingStep: 5, openingOf: 23 },
    ...{ play, judge, hostOf: (disk) => new SyncHost(disk, { cleanup: CLEANUP }) },
    nothingKnown: () => new Told(),
    from: () => 1,
  })
})

test('each table was compacted; openings dropped rewritten segments and finished them', () => {
  const disk = new VirtualDisk()
  const compacted = new Set<string>()
  disk.watch = (_, kind, path) => {
    if (kind === 'rename' && path.endsWith('.cleaned')) compacted.add(path.replace(/-0\/.*/, ''))
  }
  play(disk, new Told())
  assert.equal([...compacted].sort(), [...TABLES].sort())
  assert.is(Object.keys(INTERNAL_TOPIC_IDS).length, TABLES.length + 1)
  for (const mark of ['swap-dropped', 'swap-finished', 'replaced-segment-removed'] as const) {
    assert.ok((recoveryMarks.counts.get(mark) ?? 0) > 0, mark)
  }
  assert.ok(crashes)
  console.log(`COUNTED: ${describeCrashes(crashes)}`)
})

test.run()
