// Appends of 100 x 1 KB, relaxed, over segments that fill: what one that rolls takes over the others, what of it is the
// roll, and what making the next file ahead would save of that: its making against the renaming of one that was made.
//   node --import tsx bench/limits/roll.ts [MiB a segment] [rolls]
import { closeSync, mkdtempSync, openSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import type { Task } from '../../bindings/storage/effect.ts'
import type { PartitionIdentity } from '../../bindings/storage/partition-identity.ts'
import { numberArgument } from '../harness/number-argument.ts'
import { openComposed } from './composed-log.ts'

const segmentBytes = numberArgument(1, 64) * 1024 * 1024
const rolls = numberArgument(2, 12)
const TOPIC = 'rolls'
const FILES = 300

/** Times what an append waits for when its segment is full. */
class WatchedStore extends FilePartitionStore {
  readonly rollsMs: number[] = []

  override *activate(id: PartitionIdentity): Task<void> {
    const begun = performance.now()
    yield* super.activate(id)
    if (id.topic === TOPIC) this.rollsMs.push(performance.now() - begun)
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
  return Number(value.toFixed(3))
}

async function appends(directory: string): Promise<object> {
  const { broker, store } = await openComposed(directory, { storeType: WatchedStore })
  await broker.admin.createTopic(TOPIC, { partitions: 1, config: { 'segment.bytes': segmentBytes } })
  const producer = await broker.openProducer()
  const records = Array.from({ length: 100 }, () => {
    return { key: null, value: 'x'.repeat(1000), timestamp: undefined, headers: undefined }
  })
  const request = { topic: TOPIC, partition: 0, acks: 1 as const, producerEpoch: 0, records }
  const rolledMs: number[] = []
  const othersMs: number[] = []
  for (let baseSequence = 0; store.rollsMs.length <= rolls; baseSequence += records.length) {
    const before = store.rollsMs.length
    const begun = performance.now()
    await producer.append({ ...request, baseSequence })
    const into = store.rollsMs.length > before ? rolledMs : othersMs
    into.push(performance.now() - begun)
    // As in a program: the log's background work has its turns.
    await new Promise((resolve) => setImmediate(resolve))
  }
  await broker.close()
  // The first one makes the partition.
  const [rollMs, appendMs] = [store.rollsMs.slice(1), rolledMs.slice(1)]
  return {
    rolls: rollMs.length,
    'roll p50 ms': percentile(rollMs, 0.5),
    'roll max ms': percentile(rollMs, 1),
    'append that rolls p50 ms': percentile(appendMs, 0.5),
    'append that rolls max ms': percentile(appendMs, 1),
    'other appends p50 ms': percentile(othersMs, 0.5),
    'other appends p99.9 ms': percentile(othersMs, 0.999),
  }
}

function files(directory: string): object {
  const [made, renamed]: [number[], number[]] = [[], []]
  const timed = (into: number[], work: () => void) => {
    const begun = performance.now()
    work()
    into.push((performance.now() - begun) * 1000)
  }
  for (let index = 0; index < FILES; index++) {
    timed(made, () => closeSync(openSync(join(directory, `${index}.log`), 'wx+')))
    closeSync(openSync(join(directory, 'next'), 'wx+'))
    timed(renamed, () => renameSync(join(directory, 'next'), join(directory, `${index}.ahead`)))
  }
  return { 'file made p50 us': percentile(made, 0.5), 'file renamed p50 us': percentile(renamed, 0.5) }
}

const directory = mkdtempSync(join(tmpdir(), 'oncelog-roll-'))
console.log(JSON.stringify(files(directory)))
console.log(JSON.stringify(await appends(join(directory, 'log'))))
rmSync(directory, { recursive: true, force: true })
