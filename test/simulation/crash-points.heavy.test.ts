// Crashes the real engine before every operation of its disk, reopens it on what such a crash can leave, crashes that
// recovery too, and asks of what is left only what was promised. The model shares no code with the engine: it is a list
// of what was acknowledged.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type RecoveryMark, recoveryMarks } from '../../bindings/log/recovery-marks.ts'
import type { Acks } from '../../bindings/model/positions.ts'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { SIMULATED_SIZES, SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { beforeEachOperation, untilCrash } from './crash-everywhere.ts'
import { JudgedImages } from './judged-images.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAg'
const PARTITIONS = 3
const MODES: readonly ImageMode[] = ['kill', 'none', 'all', 'torn', 'mixed', 'mixed', 'mixed']

interface Acknowledged {
  readonly partition: number
  readonly baseOffset: number
  readonly values: readonly string[]
  readonly acks: Acks
}

interface History {
  readonly acknowledged: Acknowledged[]
  readonly sent: Set<string>
}

interface Scenario {
  readonly name: string
  readonly sends: number
  /**
   * Every fifth batch is larger than a quarter of a ring file: it goes by an extent, or into a large frame where the
   * ring has ample room.
   */
  readonly hasLarge: boolean
  readonly ringFiles?: number
  /** Every n-th operation is a crash point. */
  readonly step: number
}

const SCENARIOS: readonly Scenario[] = [
  { name: 'a few sends of both acks', sends: 12, hasLarge: false, step: 1 },
  { name: 'inline and extents', sends: 20, hasLarge: true, step: 1 },
  { name: 'large frames, then extents', sends: 40, hasLarge: true, ringFiles: 4, step: 1 },
  { name: 'rolls and rings that wrap', sends: 60, hasLarge: false, step: 9 },
  { name: 'rolls, rings that wrap, extents', sends: 80, hasLarge: true, step: 13 },
]

function play(disk: VirtualDisk, { sends, hasLarge, ringFiles = 2 }: Scenario, history: History): void {
  const host = new SyncHost(disk, { sizes: { ...SIMULATED_SIZES, ringFiles } })
  host.open()
  host.createTopic(TOPIC_ID, 't', PARTITIONS, { 'segment.bytes': 6000 })
  const producerId = host.openProducer()
  const sequences = new Array<number>(PARTITIONS).fill(0)
  for (let send = 0; send < sends; send++) {
    const partition = send % PARTITIONS
    const acks: Acks = send % 4 === 1 ? 1 : 'all'
    const filler = 'x'.repeat(hasLarge && send % 5 === 0 ? 1500 : 30)
    const values = Array.from({ length: 1 + (send % 3) }, (_, index) => `${send}.${index}.${filler}`)
    for (const value of values) history.sent.add(value)
    const baseSequence = sequences[partition] ?? 0
    sequences[partition] = baseSequence + values.length
    const request = { topic: 't', partition, producerId, producerEpoch: 0, baseSequence, values, acks }
    host.send(request, ({ error, value }) => {
      if (error !== undefined) throw error
      history.acknowledged.push({ partition, baseOffset: value?.baseOffset ?? -1, values, acks })
    })
    if (send % 3 === 2) host.settle()
  }
  host.settle()
}

/** What is wrong with the log on this disk, by the promises; the log goes on afterwards. */
function judge(disk: VirtualDisk, history: History, isProcessDeath: boolean): string[] {
  const host = new SyncHost(disk)
  try {
    return judgeOpened(host, history, isProcessDeath)
  } finally {
    host.discard()
  }
}

function judgeOpened(host: SyncHost, history: History, isProcessDeath: boolean): string[] {
  const report = host.open()
  const wrong = report.damage.map((damage) => `damage ${JSON.stringify(damage)}`)
  if (host.engine.catalogue.durable.byName('t') === undefined) {
    return history.acknowledged.length > 0 ? [...wrong, 'the topic is gone'] : wrong
  }
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const seen = host.fetchAll('t', partition)
    wrong.push(...judgePartition(seen, partition, history, isProcessDeath))
  }
  const producerId = host.openProducer()
  const request = {
    topic: 't',
    partition: 0,
    producerId,
    producerEpoch: 0,
    baseSequence: 0,
    values: ['z'],
    acks: 'all' as const,
  }
  const sent = host.send(request)
  host.settle()
  if (!sent.answered || sent.error !== undefined) wrong.push(`a send after recovery failed: ${String(sent.error)}`)
  return wrong
}

function judgePartition(
  seen: readonly { offset: number; value: string }[],
  partition: number,
  { acknowledged, sent }: History,
  isProcessDeath: boolean,
): string[] {
  const wrong: string[] = []
  const byOffset = new Map(seen.map(({ offset, value }) => [offset, value]))
  const values = seen.map(({ value }) => value)
  if (new Set(values).size !== values.length) wrong.push(`a record stands twice in ${partition}`)
  for (const value of values) if (!sent.has(value)) wrong.push(`a record in ${partition} was never sent`)
  for (const each of acknowledged.filter((one) => one.partition === partition)) {
    const mustStand = each.acks === 'all' || isProcessDeath
    each.values.forEach((value, index) => {
      const offset = each.baseOffset + index
      const found = byOffset.get(offset)
      if (found === undefined && mustStand) wrong.push(`${partition}:${offset} (acks ${each.acks}) is lost`)
      if (found !== undefined && found !== value) wrong.push(`${partition}:${offset} holds another record`)
    })
  }
  return wrong
}

/** One life, as far as it came. */
class Crashes {
  readonly #disk: VirtualDisk
  readonly #history: History
  readonly #judged = new JudgedImages()
  points = 0

  constructor(disk: VirtualDisk, history: History) {
    this.#disk = disk
    this.#history = history
  }

  get images(): number {
    return this.#judged.images
  }

  get duplicates(): number {
    return this.#judged.duplicates
  }

  crashBefore(operation: number): void {
    this.points++
    // What is known only grows.
    const known = `${this.#history.acknowledged.length} ${this.#history.sent.size}`
    MODES.forEach((mode, index) => {
      const seed = operation * 31 + index
      const place = `crash before operation ${operation}, image ${mode}, seed ${seed}`
      this.#judge(this.#disk.image(new Random(seed), mode), known, mode === 'kill', place)
      if ((operation + index) % 4 === 0) this.#crashRecovery(mode, seed, known, place)
    })
  }

  /** Crashes inside the recovery of an image, at some of its operations, and judges what that leaves. */
  #crashRecovery(mode: ImageMode, seed: number, known: string, place: string): void {
    const whole = this.#disk.image(new Random(seed), mode)
    const before = whole.operations
    openUntilCrash(whole)
    const count = whole.operations - before
    for (let at = 1 + (seed % 3); at <= count; at += 3) {
      const again = this.#disk.image(new Random(seed), mode)
      again.crashAt = again.operations + at
      openUntilCrash(again)
      const next: ImageMode = at % 2 === 0 ? 'kill' : 'mixed'
      const image = again.image(new Random(seed + at), next)
      const isProcessDeath = mode === 'kill' && next === 'kill'
      this.#judge(image, known, isProcessDeath, `${place}, recovery operation ${at}, then ${next}`)
    }
  }

  #judge(image: VirtualDisk, known: string, isProcessDeath: boolean, place: string): void {
    if (!this.#judged.isNew(image, `${isProcessDeath} ${known}`)) return
    assert.equal(judge(image, this.#history, isProcessDeath), [], place)
  }
}

function openUntilCrash(disk: VirtualDisk): void {
  const host = new SyncHost(disk)
  untilCrash(() => host.open())
  host.discard()
}

const totals = { points: 0, images: 0, duplicates: 0 }

// Others ran in this process before.
test.before(() => recoveryMarks.counts.clear())

for (const scenario of SCENARIOS) {
  test(`${scenario.name}: nothing that was acknowledged is lost, doubled or moved, whenever the power goes`, () => {
    const disk = new VirtualDisk()
    const history: History = { acknowledged: [], sent: new Set() }
    const crashes = new Crashes(disk, history)
    const look = (operation: number): void => {
      if ((operation - 1) % scenario.step === 0) crashes.crashBefore(operation)
    }
    beforeEachOperation(disk, look, () => play(disk, scenario, history))
    assert.is(crashes.points, Math.ceil(disk.operations / scenario.step))
    totals.points += crashes.points
    totals.images += crashes.images
    totals.duplicates += crashes.duplicates
  })
}

/**
 * Branches that these scenarios don't reach, or not with every seed; engine.heavy.test.ts asserts those that a crash
 * can, log-starts.heavy.test.ts and compaction.heavy.test.ts those of moved log starts and of compaction.
 */
const ELSEWHERE: readonly RecoveryMark[] = [
  'decision-without-frame',
  'journal-gap',
  'dead-topic-skipped',
  'later-segment-set-aside',
  'segments-below-start',
  'swap-finished',
  'swap-dropped',
  'replaced-segment-removed',
]

test('every branch of recovery was taken', () => {
  const taken = [...recoveryMarks.counts.keys(), ...ELSEWHERE]
  assert.equal(
    recoveryMarks.all.filter((mark) => !taken.includes(mark)),
    [],
  )
  const { points, images, duplicates } = totals
  console.log(`COUNTED: ${points} crash points, ${images} images, ${duplicates} of them judged before`)
})

test.run()
