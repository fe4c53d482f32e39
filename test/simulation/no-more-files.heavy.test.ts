// A file system that takes no more files, though it has bytes: what users ask to be written into a new file is refused
// as on a full disk, what the log itself must write takes a file of the reserve, and the log goes on. Crashed before
// each operation, with no more files for the recovery either.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { JOURNAL_DIRECTORY, RESERVE_FILE, RESERVED_FILES } from '../../bindings/log/journal/layout.ts'
import { LogError } from '../../bindings/model/errors.ts'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { TransactionalClient } from '../../bindings/testkit/simulation/transactional-client.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { crashEverywhere, describeCrashes } from './crash-everywhere.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'
const FULL_SEGMENT = 'x'.repeat(1700)
const MODES: readonly ImageMode[] = ['kill', 'none', 'all', 'torn', 'mixed']

interface Known {
  /** Of partition 0, in their order. */
  readonly acknowledged: string[]
  readonly refused: string[]
  committedOffset: number
  isTransactionCommitted: boolean
  /** From which operation on there are no more files. */
  from: number
  isDeleted: boolean
}

function nothingKnown(): Known {
  const nothing = { acknowledged: [], refused: [], committedOffset: 0, from: Number.POSITIVE_INFINITY }
  return { ...nothing, isTransactionCommitted: false, isDeleted: false }
}

/** Sends as one producer and notes what it was told. */
class Sender {
  readonly #host: SyncHost<VirtualDisk>
  readonly #known: Known
  readonly #producerId: number
  readonly #sequences = [0, 0]

  constructor(host: SyncHost<VirtualDisk>, known: Known) {
    this.#host = host
    this.#known = known
    this.#producerId = host.openProducer()
  }

  send(partition: number, value: string): void {
    const of = { topic: 't', partition, producerId: this.#producerId, producerEpoch: 0, acks: 'all' as const }
    const asked = this.#host.send({ ...of, baseSequence: this.#sequences[partition] ?? 0, values: [value] })
    this.#host.settle()
    assert.ok(asked.answered)
    if (asked.error !== undefined) this.#known.refused.push((asked.error as LogError).code)
    else {
      this.#sequences[partition] = (this.#sequences[partition] ?? 0) + 1
      this.#known.acknowledged.push(`${partition}: ${value}`)
    }
  }
}

function play(disk: VirtualDisk, known: Known): void {
  const host = new SyncHost(disk)
  host.open()
  host.createTopic(TOPIC_ID, 't', 2, { 'segment.bytes': 2000 })
  const sender = new Sender(host, known)
  sender.send(0, 'before')
  disk.freeFiles = 0
  known.from = disk.operations + 1
  sender.send(0, FULL_SEGMENT)
  const open = new TransactionalClient(host, 'x').init().begin()
  open.send('t', 0, 'in a transaction')
  sender.send(0, FULL_SEGMENT)
  sender.send(1, 'needs a directory')
  host.createTopic('AAAAAAAAAAAAAAAAAAAABg', 'never-written-to', 1, {})
  // Its marker finds no room in the segment.
  const ended = open.startEnd('commit')
  host.settle()
  assert.ok(ended.answered && ended.error === undefined, `${ended.answered} ${ended.error}`)
  known.isTransactionCommitted = true
  const [memberId, groupId] = ['m', 'g']
  const generation = host.join(groupId, memberId, ['t'])
  for (let nextOffset = 1; nextOffset <= 40; nextOffset++) {
    const request = { groupId, memberId, generation, offsets: [{ topicId: TOPIC_ID, partition: 0, nextOffset }] }
    host.ask<void>((done) => ({ kind: 'commitOffsets', request, done }))
    known.committedOffset = nextOffset
  }
  const aborted = new TransactionalClient(host, 'y').init().begin()
  aborted.send('t', 0, 'its index needs a file, which the close does without')
  aborted.end('abort')
  host.close()
  const next = disk.reopened()
  next.watch = disk.watch
  next.operations = disk.operations
  const again = new SyncHost(next)
  assert.ok(again.open().clean)
  again.ask<void>((done) => ({ kind: 'deleteTopic', name: 't', done }))
  known.isDeleted = true
  again.settle()
  again.close()
}

function hostOf(disk: VirtualDisk): SyncHost<VirtualDisk> {
  return new SyncHost(disk)
}

/** It opens without one more file; then there are some. */
function judge(image: VirtualDisk, known: Known): string[] {
  const host = hostOf(image)
  try {
    const wrong = host.open().damage.map((damage) => `damage ${JSON.stringify(damage)}`)
    image.freeFiles = Number.POSITIVE_INFINITY
    const isThere = host.engine.catalogue.durable.byName('t') !== undefined
    if (!isThere) return known.isDeleted || known.committedOffset === 40 ? wrong : [...wrong, 'the topic is gone']
    const found = host.fetchAll('t', 0).map(({ value }) => `0: ${value}`)
    for (const value of known.acknowledged) if (!found.includes(value)) wrong.push(`${value.slice(0, 20)} is lost`)
    if (known.isTransactionCommitted && !found.includes('0: in a transaction')) wrong.push('a transaction is lost')
    const committed = host.engine.groups.committed('g', TOPIC_ID, 0)?.nextOffset ?? 0
    if (committed < known.committedOffset) wrong.push(`offset ${known.committedOffset} is ${committed}`)
    const after = nothingKnown()
    const sender = new Sender(host, after)
    for (const partition of [0, 1]) sender.send(partition, FULL_SEGMENT)
    if (after.refused.length > 0) wrong.push(`refused though there are files: ${after.refused.join()}`)
    host.close()
    return wrong
  } catch (error) {
    if (!LogError.is(error)) throw error
    return [`${error.code}: ${error.message}`]
  } finally {
    host.discard()
  }
}

test('sends that need a file are refused, decisions, checkpoints, a close and an open are not', () => {
  const known = nothingKnown()
  const disk = new VirtualDisk()
  play(disk, known)
  assert.equal(known.refused, ['STORAGE_FULL', 'STORAGE_FULL'])
  assert.equal(known.acknowledged.length, 2)
  assert.is(known.committedOffset, 40)
  assert.ok(disk.refusedFiles > 5, `${disk.refusedFiles} files were refused`)
})

test('what still fits is taken after a batch that is refused, and a transaction that waits after one ends', () => {
  const known = nothingKnown()
  const disk = new VirtualDisk()
  const host = hostOf(disk)
  host.open()
  host.createTopic(TOPIC_ID, 't', 1, { 'segment.bytes': 2000 })
  const sender = new Sender(host, known)
  sender.send(0, 'before')
  disk.freeFiles = 0
  const open = new TransactionalClient(host, 'x').init().begin()
  open.send('t', 0, 'in a transaction')
  for (const value of ['x'.repeat(1500), FULL_SEGMENT, 'after 1', 'after 2', 'after 3']) sender.send(0, value)
  assert.equal([known.acknowledged.length, known.refused], [5, ['STORAGE_FULL']])
  const refused = open.startSend('t', 0, FULL_SEGMENT)
  const ended = open.startEnd('abort')
  host.settle()
  assert.is((refused.error as LogError).code, 'STORAGE_FULL')
  assert.equal([ended.answered, ended.error], [true, undefined])
  sender.send(0, 'after its marker')
  assert.is(known.acknowledged.at(-1), '0: after its marker')
})

test('an open that finds the reserve gone makes it again as far as there are files', () => {
  const disk = new VirtualDisk()
  const host = hostOf(disk)
  host.open()
  host.createTopic(TOPIC_ID, 't', 1, {})
  host.close()
  const next = disk.reopened()
  for (const path of [RESERVE_FILE, ...RESERVED_FILES]) next.remove(path)
  next.freeFiles = 3
  const again = hostOf(next)
  assert.ok(again.open().clean)
  assert.equal(
    next.list(JOURNAL_DIRECTORY).filter((name) => name.startsWith('reserve')),
    ['reserve', 'reserve.00'],
    'and a file of the ring',
  )
  again.close()
})

test('the reserve gives what was asked for and no more, and is whole again once there are files', () => {
  const disk = new VirtualDisk()
  const host = hostOf(disk)
  host.open()
  host.createTopic(TOPIC_ID, 't', 1, {})
  const held = (of = disk) =>
    of.list(JOURNAL_DIRECTORY).filter((name) => RESERVED_FILES.includes(`journal/${name}`)).length
  assert.is(held(), RESERVED_FILES.length)
  disk.freeFiles = 0
  new TransactionalClient(host, 'x').init()
  assert.is(held(), RESERVED_FILES.length - 3, 'a directory, its name, a segment')
  disk.freeFiles = 1
  host.close()
  const next = disk.reopened()
  const again = hostOf(next)
  next.freeFiles = Number.POSITIVE_INFINITY
  again.open()
  assert.is(held(next), RESERVED_FILES.length)
})

test('whatever the crash: nothing is lost, and it opens without one more file', () => {
  const life = { modes: MODES, step: 3, openingStep: 7, openingOf: 9, nothingKnown, play, hostOf, judge }
  const crashes = crashEverywhere<Known>({ ...life, from: (known) => known.from })
  assert.ok(crashes.points > 100, `${crashes.points} points`)
  console.log(`COUNTED: ${describeCrashes(crashes)}`)
})

test.run()
