// Crashes a log before every operation of its compaction, reopens it on what such a crash can leave, crashes some of
// these openings too, and asks of what is left what was promised: the newest record of each key, all that no pass has
// cleaned, no record at another offset, nothing of an abort, and every producer's last sequence. `all` as argument:
// every operation, two minutes.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AppendResult } from '../../bindings/broker/producer-session.ts'
import type { ProducerInstance } from '../../bindings/engine/commands.ts'
import { recoveryMarks } from '../../bindings/log/recovery-marks.ts'
import type { ImageMode } from '../../bindings/testkit/simulation/image.ts'
import { SyncHost } from '../../bindings/testkit/simulation/sync-host.ts'
import type { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { type Crashes, crashEverywhere, describeCrashes } from './crash-everywhere.ts'

const MODES: readonly ImageMode[] = ['kill', 'none', 'all', 'torn', 'mixed', 'mixed', 'mixed']
const CONFIG = { 'cleanup.policy': 'compact', 'segment.bytes': 900, 'min.cleanable.dirty.ratio': 0.01 }
const INTERVAL_MS = 16_000
const KEYS = 3
/** Every third operation is a crash point; with `all` as argument each one. */
const STEP = process.argv[2] === 'all' ? 1 : 3

interface Written {
  readonly key: string
  readonly value: string | null
  readonly offset: number
}

/** A list of what was acknowledged, or sent and perhaps written. */
class History {
  readonly acknowledged: Written[] = []
  readonly sent: Set<string> = new Set()
  readonly aborted: Set<string> = new Set()
  /** Operations of the disk by then. */
  compactionBegins = Number.POSITIVE_INFINITY
  last: { producerId: number; sequence: number; offset: number } | undefined
}

class Writer {
  readonly #host: SyncHost<VirtualDisk>
  readonly #history: History
  readonly producerId: number
  #sequence = 0
  #count = 0

  constructor(host: SyncHost<VirtualDisk>, history: History) {
    this.#host = host
    this.#history = history
    this.producerId = host.openProducer()
  }

  send(value?: null): void {
    const record = this.#next(value)
    const baseSequence = this.#sequence++
    const asked = append(this.#host, this.producerId, 0, baseSequence, record)
    if (asked === undefined) return
    this.#history.acknowledged.push({ ...record, offset: asked.baseOffset })
    this.#history.last = { producerId: this.producerId, sequence: baseSequence, offset: asked.baseOffset }
  }

  #next(value?: null): { key: string; value: string | null } {
    const count = this.#count++
    const key = `key-${count % KEYS}`
    const record = { key, value: value === null ? null : `${key} ${count} ${'v'.repeat(40)}` }
    if (record.value !== null) this.#history.sent.add(record.value)
    return record
  }

  transaction(instance: ProducerInstance, event: 'commit' | 'abort'): ProducerInstance {
    this.#host.ask<void>((done) => ({ kind: 'beginTransaction', instance, done }))
    const { producerId, producerEpoch } = instance
    const written: Written[] = []
    for (let sequence = 0; sequence < 2; sequence++) {
      const record = this.#next()
      if (event === 'abort' && record.value !== null) this.#history.aborted.add(record.value)
      const asked = append(this.#host, producerId, producerEpoch, sequence, record, true)
      written.push({ ...record, offset: asked?.baseOffset ?? -1 })
    }
    const next = this.#host.ask<ProducerInstance>((done) => ({ kind: 'endTransaction', instance, event, done }))
    if (event === 'commit') this.#history.acknowledged.push(...written)
    return next
  }
}

function append(
  host: SyncHost<VirtualDisk>,
  producerId: number,
  producerEpoch: number,
  baseSequence: number,
  record: { key: string; value: string | null },
  isTransactional = false,
): AppendResult | undefined {
  const records = [{ ...record, timestamp: undefined, headers: undefined }]
  const request = { topic: 't', partition: 0, producerEpoch, baseSequence, acks: 'all' as const, records }
  return host.ask<AppendResult>((done) => ({ kind: 'append', producerId, request, isTransactional, done }))
}

function play(disk: VirtualDisk, history: History): void {
  const host = new SyncHost(disk)
  host.open()
  host.createTopic('AAAAAAAAAAAAAAAAAAAAAg', 't', 1, CONFIG)
  const writer = new Writer(host, history)
  const init = { kind: 'initTransactionalProducer', transactionalId: 'x', timeoutMs: 900_000 } as const
  let instance = host.ask<ProducerInstance>((done) => ({ ...init, done }))
  for (let round = 0; round < 2; round++) {
    for (let send = 0; send < 14; send++) writer.send(send % 9 === 8 ? null : undefined)
    instance = writer.transaction(instance, 'abort')
    instance = writer.transaction(instance, 'commit')
    for (let send = 0; send < 6; send++) writer.send()
    history.compactionBegins = Math.min(history.compactionBegins, disk.operations + 1)
    host.passTime(INTERVAL_MS)
  }
  host.close()
}

function cleanedOffset(host: SyncHost<VirtualDisk>): number {
  return host.engine.store.compactable(host.engine.topics.partition('t', 0).id).cleanedOffset
}

/** What is wrong with the log on this disk; it goes on afterwards. */
function judge(disk: VirtualDisk, history: History): string[] {
  const host = new SyncHost(disk)
  try {
    const wrong = host.open().damage.map((damage) => `damage ${JSON.stringify(damage)}`)
    wrong.push(...judgeFiles(host), ...judgeRecords(host, history))
    const { last } = history
    if (last !== undefined) {
      const again = append(host, last.producerId, 0, last.sequence, { key: 'key-0', value: 'again' })
      if (again?.baseOffset !== last.offset) wrong.push(`sequence ${last.sequence} was taken again`)
    }
    host.passTime(INTERVAL_MS)
    wrong.push(...judgeRecords(host, history).map((each) => `after another pass: ${each}`))
    return wrong
  } finally {
    host.discard()
  }
}

/** Nothing of what was replaced, and nothing that was begun, is left once the log is open. */
function judgeFiles(host: SyncHost<VirtualDisk>): string[] {
  const names = host.storage.list('t-0')
  const segments = names.filter((name) => name.endsWith('.log')).length
  const closed = host.engine.store.compactable(host.engine.topics.partition('t', 0).id).segments.length
  const rewritten = names.filter((name) => name.endsWith('.swap') || name.endsWith('.cleaned'))
  return [...rewritten, ...(segments === closed + 1 ? [] : [`${segments} segments, ${closed} of them closed`])]
}

function judgeRecords(host: SyncHost<VirtualDisk>, { acknowledged, sent, aborted }: History): string[] {
  const wrong: string[] = []
  const visible = host.fetchAll('t', 0)
  const seen = new Map(visible.map(({ offset, value }) => [offset, value]))
  for (const { value } of visible) {
    if (value !== '' && !sent.has(value)) wrong.push('a record that was never sent')
    if (aborted.has(value)) wrong.push('a record of an aborted transaction')
  }
  const cleaned = cleanedOffset(host)
  const keyOf = (value: string) => value.split(' ')[0]
  for (const { key, value, offset } of acknowledged) {
    const found = seen.get(offset)
    if (found !== undefined && found !== (value ?? '')) wrong.push(`offset ${offset} holds another record`)
    if (found !== undefined) continue
    // A newer one of its key, which may have been written without an answer.
    const isReplaced =
      acknowledged.some((each) => each.key === key && each.offset > offset) ||
      visible.some((each) => each.offset > offset && keyOf(each.value) === key)
    if (!isReplaced) wrong.push(`the newest record of ${key}, at offset ${offset}, is lost`)
    if (offset >= cleaned) wrong.push(`offset ${offset} is lost, and no pass went beyond ${cleaned}`)
  }
  return wrong
}

let crashes: Crashes | undefined

// Others ran in this process before.
test.before(() => recoveryMarks.counts.clear())

test('whenever the power goes while a log is compacted, the newest record of each key is there, and all above', () => {
  crashes = crashEverywhere({
    ...{ modes: MODES, step: STEP, openingStep: 4, openingOf: 29 },
    ...{ play, judge, hostOf: (disk) => new SyncHost(disk) },
    nothingKnown: () => new History(),
    from: ({ compactionBegins }) => compactionBegins,
  })
})

test('openings dropped what no checkpoint noted, finished what one did, and removed what a crash brought back', () => {
  for (const mark of ['swap-dropped', 'swap-finished', 'replaced-segment-removed'] as const) {
    assert.ok((recoveryMarks.counts.get(mark) ?? 0) > 0, mark)
  }
  assert.ok(crashes)
  console.log(`COUNTED: ${describeCrashes(crashes)}`)
})

test.run()
