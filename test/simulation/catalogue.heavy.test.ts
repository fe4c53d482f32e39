// The catalogue is compacted while the log is crashed before its operations and inside the openings after them: log
// starts, configs, partitions and topics are what the last acknowledged change said, or the one that was asked for
// after it, and of topics that are gone no directory is left. `all` as argument: every operation.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { recoveryMarks } from '../../bindings/log/recovery-marks.ts'
import { verifyDirectory } from '../../bindings/log/verify/verify-directory.ts'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../kernel/support.ts'
import { runNow } from '../log/support.ts'
import { type Crashes, crashEverywhere, describeCrashes } from './crash-everywhere.ts'

const MODES: readonly ImageMode[] = ['kill', 'none', 'all', 'torn', 'mixed', 'mixed']
const STEP = process.argv[2] === 'all' ? 1 : 3
const CATALOGUE = '__oncelog_catalogue'
const INTERVAL_MS = 1000
const CLEANUP = { tableSegmentBytes: 900, compactionIntervalMs: INTERVAL_MS }
const ROUNDS = 10
const kernel = newKernel(1 << 25)

type Host = SyncHost<VirtualDisk>

/** By what it is of: what was acknowledged last, and what was asked for last. */
class Told {
  readonly acknowledged: Map<string, number> = new Map()
  readonly asked: Map<string, number> = new Map()

  during(what: string, value: number, act: () => void): void {
    this.asked.set(what, value)
    act()
    this.acknowledged.set(what, value)
  }
}

function topicId(number: number): string {
  return Buffer.from(`catalogue${String(number).padStart(7, '0')}`).toString('base64url')
}

function play(disk: VirtualDisk, told: Told): void {
  const host: Host = new SyncHost(disk, { cleanup: CLEANUP })
  host.open()
  told.during('created', 1, () => host.createTopic(topicId(0), 't', 1, {}))
  told.during('partitions', 1, () => {})
  fill(host, 't', 0, ROUNDS)
  for (let number = 1; number <= ROUNDS; number++) {
    round(host, told, number)
    if (number % 3 === 0) host.passTime(2 * INTERVAL_MS)
  }
  host.close()
}

function fill(host: Host, topic: string, partition: number, count: number): void {
  const producerId = host.openProducer()
  const values = Array.from({ length: count }, () => '')
  host.send({ topic, partition, producerId, producerEpoch: 0, baseSequence: 0, values, acks: 'all' })
  host.settle()
}

function round(host: Host, told: Told, number: number): void {
  told.during('log start', number, () => moveStart(host, 't', 0, number))
  told.during('config', number, () => {
    const changes = { 'segment.ms': 1_000_000 + number }
    host.ask<void>((done) => ({ kind: 'alterConfig', name: 't', changes, done }))
  })
  if (number % 4 === 0) {
    const totalCount = number / 4 + 1
    told.during('partitions', totalCount, () =>
      host.ask<void>((done) => ({ kind: 'createPartitions', name: 't', totalCount, done })),
    )
    fill(host, 't', totalCount - 1, 1)
    told.during(`log start of the partition added`, 1, () => moveStart(host, 't', totalCount - 1, 1))
  }
  if (number % 2 === 0) return told.during('short-lived', number, () => host.ask<void>((done) => deleting(done)))
  told.during('short-lived', number, () => host.createTopic(topicId(number), 'short-lived', 1, {}))
  fill(host, 'short-lived', 0, 1)
  moveStart(host, 'short-lived', 0, 1)
}

function deleting(done: (error: unknown) => void) {
  return { kind: 'deleteTopic', name: 'short-lived', done } as const
}

function moveStart(host: Host, topic: string, partition: number, beforeOffset: number): void {
  const at = [{ topic, partition, beforeOffset }]
  host.ask<readonly number[]>((done) => ({ kind: 'deleteRecords', at, done }))
}

/** What is wrong with the topics on this disk; another pass goes over their records. */
function judge(disk: VirtualDisk, told: Told): string[] {
  const host: Host = new SyncHost(disk, { cleanup: CLEANUP })
  try {
    const wrong = host.open().damage.map((damage) => `damage ${JSON.stringify(damage)}`)
    wrong.push(...judgeTopics(host, told))
    host.passTime(2 * INTERVAL_MS)
    // It goes on: the segment of the catalogue that is active now is closed and compacted too.
    for (let number = 100; number < 106; number++) host.createTopic(topicId(number), `later-${number}`, 1, {})
    host.passTime(2 * INTERVAL_MS)
    wrong.push(...judgeTopics(host, told).map((each) => `after another pass: ${each}`))
    host.close()
    const { damage } = runNow(verifyDirectory(host.storage.reopened(), kernel, () => {}))
    return [...wrong, ...damage.map((each) => `verify: ${JSON.stringify(each)}`)]
  } finally {
    host.discard()
  }
}

function judgeTopics(host: Host, told: Told): string[] {
  const found = topicsOf(host)
  const wrong: string[] = []
  for (const [what, asked] of told.asked) {
    const least = told.acknowledged.get(what) ?? 0
    // No such topic: whichever of its deletes was the last, and they have even numbers.
    const value = found.get(what) ?? [least, asked].find((each) => each % 2 === 0) ?? -1
    if (value < least || value > asked) wrong.push(`${what} is ${value}, acknowledged was ${least}, asked for ${asked}`)
  }
  const { durable } = host.engine.catalogue
  const dead = host.storage
    .list('')
    .filter((name) => name.startsWith('short-lived') && durable.byName('short-lived') === undefined)
  return [...wrong, ...dead]
}

function topicsOf(host: Host): Map<string, number> {
  const { durable } = host.engine.catalogue
  const t = durable.byName('t')
  const found = new Map<string, number>()
  found.set('created', t === undefined ? 0 : 1)
  found.set('partitions', t?.partitions ?? 0)
  found.set('log start', t?.logStartOffsets.get(0) ?? 0)
  found.set('log start of the partition added', t?.logStartOffsets.get(1) ?? 0)
  found.set('config', Number(t?.config['segment.ms'] ?? 1_000_000) - 1_000_000)
  const shortLived = durable.byName('short-lived')?.topicId
  const number = Array.from({ length: ROUNDS + 1 }, (_, each) => each).find((each) => topicId(each) === shortLived)
  if (number !== undefined) found.set('short-lived', number)
  return found
}

let crashes: Crashes | undefined

// Others ran in this process before.
test.before(() => recoveryMarks.counts.clear())

test('whenever a log is crashed whose catalogue is compacted, topics are what was acknowledged last', () => {
  crashes = crashEverywhere({
    ...{ modes: MODES, step: STEP, openingStep: 5, openingOf: 23 },
    ...{ play, judge, hostOf: (disk) => new SyncHost(disk, { cleanup: CLEANUP }) },
    nothingKnown: () => new Told(),
    from: () => 1,
  })
})

test('it was compacted; openings dropped rewritten segments, finished them, and met records of topics without their creation', () => {
  const disk = new VirtualDisk()
  let passes = 0
  disk.watch = (_, kind, path) => {
    if (kind === 'rename' && path.startsWith(CATALOGUE) && path.endsWith('.cleaned')) passes++
  }
  play(disk, new Told())
  assert.ok(passes >= 2, `${passes} passes`)
  for (const mark of ['swap-dropped', 'swap-finished', 'replaced-segment-removed'] as const) {
    assert.ok((recoveryMarks.counts.get(mark) ?? 0) > 0, mark)
  }
  assert.ok(crashes)
  console.log(`COUNTED: ${describeCrashes(crashes)}`)
})

test.run()
