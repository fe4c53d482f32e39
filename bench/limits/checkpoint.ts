// Durable sends, one record each and one outstanding, while a checkpoint notes 10, 1,000 and 10,000 changed partitions,
// over the same sends between checkpoints. Both are taken in turn, in equal numbers; p99.9 may be three times as long.
//   node --import tsx bench/limits/checkpoint.ts [sends] [partitions,...]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProducerSession } from '../../bindings/broker/producer-session.ts'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import type { Task } from '../../bindings/storage/effect.ts'
import { numberArgument, numbersArgument } from '../harness/number-argument.ts'
import { type ComposedLog, openComposed } from './composed-log.ts'

const sends = numberArgument(1, 5000)
const cases = numbersArgument(2, [10, 1000, 10_000])
const TOPIC = 'dirty'
const RATIO_MAX = 3
const AT_ONCE = 500
const TIME_MAX_MS = 60_000
const record = { key: null, value: 'x'.repeat(100), timestamp: undefined, headers: undefined }

/** Its checkpoints begin when the bench says so. */
class WatchedStore extends FilePartitionStore {
  isForced = false
  isRunning = false

  override maintenanceIsDue(): boolean {
    return (this.isForced && !this.isRunning) || super.maintenanceIsDue()
  }

  override maintenance(): Task<void> | undefined {
    const task = super.maintenance()
    return task === undefined ? undefined : this.#watched(task)
  }

  *#watched(task: Task<void>): Task<void> {
    this.isRunning = true
    this.isForced = false
    try {
      yield* task
    } finally {
      this.isRunning = false
    }
  }
}

class Sender {
  readonly #producer: ProducerSession
  readonly #sequences = new Map<number, number>()

  constructor(producer: ProducerSession) {
    this.#producer = producer
  }

  async send(partition: number, acks: 1 | 'all'): Promise<void> {
    const baseSequence = this.#sequences.get(partition) ?? 0
    this.#sequences.set(partition, baseSequence + 1)
    await this.#producer.append({ topic: TOPIC, partition, acks, producerEpoch: 0, baseSequence, records: [record] })
  }

  /** One record in each partition but the one that is measured. */
  async dirty(partitions: number): Promise<void> {
    for (let from = 1; from <= partitions; from += AT_ONCE) {
      const count = Math.min(AT_ONCE, partitions + 1 - from)
      await Promise.all(Array.from({ length: count }, (_, index) => this.send(from + index, 1)))
    }
  }

  async measured(into: number[]): Promise<void> {
    const begun = performance.now()
    await this.send(0, 'all')
    into.push(performance.now() - begun)
  }
}

interface Times {
  readonly beside: number[]
  readonly alone: number[]
  checkpoints: number
}

/** A round: the partitions are changed, a checkpoint runs beside sends, as many sends follow without one. */
async function round(store: WatchedStore, sender: Sender, partitions: number, times: Times): Promise<void> {
  await sender.dirty(partitions)
  const before = times.beside.length
  store.isForced = true
  while (store.isForced || store.isRunning) await sender.measured(times.beside)
  times.checkpoints++
  const count = times.beside.length - before
  for (let index = 0; index < count; index++) await sender.measured(times.alone)
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

function report(partitions: number, { beside, alone, checkpoints }: Times): boolean {
  const rounded = (value: number) => Number(value.toFixed(3))
  const ratio = percentile(beside, 0.999) / percentile(alone, 0.999)
  const row = {
    'dirty partitions': partitions,
    checkpoints,
    sends: beside.length,
    'p50 beside ms': rounded(percentile(beside, 0.5)),
    'p50 alone ms': rounded(percentile(alone, 0.5)),
    'p99.9 beside ms': rounded(percentile(beside, 0.999)),
    'p99.9 alone ms': rounded(percentile(alone, 0.999)),
    'max beside ms': rounded(Math.max(...beside)),
    'max alone ms': rounded(Math.max(...alone)),
    ratio: rounded(ratio),
    within: ratio <= RATIO_MAX,
  }
  console.log(JSON.stringify(row))
  return ratio <= RATIO_MAX
}

async function measure(partitions: number): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), 'oncelog-checkpoint-'))
  // A ring that no case fills: what is measured is the checkpoint, not the wait for a full ring.
  const log: ComposedLog<WatchedStore> = await openComposed(directory, { ringFiles: 128, storeType: WatchedStore })
  try {
    await log.broker.admin.createTopic(TOPIC, { partitions: partitions + 1, config: {} })
    const sender = new Sender(await log.broker.openProducer())
    const warm: Times = { beside: [], alone: [], checkpoints: 0 }
    for (let count = 0; count < 1000; count++) await sender.measured(warm.alone)
    await round(log.store, sender, partitions, warm)
    const times: Times = { beside: [], alone: [], checkpoints: 0 }
    const until = performance.now() + TIME_MAX_MS
    while (times.beside.length < sends && performance.now() < until) {
      await round(log.store, sender, partitions, times)
    }
    return report(partitions, times)
  } finally {
    await log.broker.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

for (const partitions of cases) if (!(await measure(partitions))) process.exitCode = 1
