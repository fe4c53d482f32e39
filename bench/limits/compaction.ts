// A pass of compaction over segments that are in the page cache: bytes read a second, against a program that reads the
// same bytes one after the other, writes them to a new file and syncs it; and how long the event loop is held
// meanwhile.
//   node --import tsx bench/limits/compaction.ts [MiB] [bytes a value] [keys]
import { closeSync, fsyncSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compact, type PassInput } from '../../bindings/log/compaction/compaction-pass.ts'
import { dirtyPart } from '../../bindings/log/compaction/dirty-part.ts'
import { parseTopicConfig } from '../../bindings/model/topic-config.ts'
import type { Effect, Task } from '../../bindings/storage/effect.ts'
import { numberArgument } from '../harness/number-argument.ts'
import { openComposed } from './composed-log.ts'

const MIB = 1024 * 1024
const totalBytes = numberArgument(1, 64) * MIB
const valueBytes = numberArgument(2, 100)
const keys = numberArgument(3, 20_000)
const TOPIC = 'compacted'
const CONFIG = { 'cleanup.policy': 'compact', 'segment.bytes': 8 * MIB, 'min.cleanable.dirty.ratio': 1 }
const CHUNK_BYTES = 64 * 1024

/** As the engine's scheduler does it; `heldMs` gets how long each turn held the event loop. */
async function runInTurns<T>(task: Task<T>, heldMs: number[]): Promise<T> {
  let begun = performance.now()
  let step = task.next()
  while (!step.done) {
    const asked = step.value
    const effects = Array.isArray(asked) ? (asked as readonly Effect[]) : [asked as Effect]
    const results: unknown[] = []
    for (const { kind, run } of effects) {
      const result = kind === 'yield' ? new Promise((resolve) => setImmediate(resolve)) : run()
      if (result instanceof Promise) {
        heldMs.push(performance.now() - begun)
        results.push(await result)
        begun = performance.now()
      } else results.push(result)
    }
    step = task.next(Array.isArray(asked) ? results : results[0])
  }
  heldMs.push(performance.now() - begun)
  return step.value
}

async function fill(composed: Awaited<ReturnType<typeof openComposed>>): Promise<void> {
  const { broker } = composed
  await broker.admin.createTopic(TOPIC, { partitions: 1, config: CONFIG })
  const producer = await broker.openProducer()
  const value = 'v'.repeat(valueBytes)
  let baseSequence = 0
  for (let written = 0; written < totalBytes + 9 * MIB; ) {
    const records = Array.from({ length: 100 }, (_, index) => {
      const key = `key-${((baseSequence + index) * 7919) % keys}`
      return { key, value, timestamp: undefined, headers: undefined }
    })
    await producer.append({ topic: TOPIC, partition: 0, acks: 'all', producerEpoch: 0, baseSequence, records })
    baseSequence += records.length
    written += records.length * (valueBytes + 15)
  }
}

function rawMsOf(directory: string, writtenBytes: number): number {
  const buffer = new Uint8Array(CHUNK_BYTES)
  const path = join(directory, 'raw')
  const out = openSync(path, 'w')
  const begun = performance.now()
  let left = writtenBytes
  for (const name of readdirSync(directory).filter((each) => each.endsWith('.log'))) {
    const file = openSync(join(directory, name), 'r')
    for (let count = readSync(file, buffer); count > 0; count = readSync(file, buffer)) {
      if (left > 0) left -= writeSync(out, buffer, 0, Math.min(left, count))
    }
    closeSync(file)
  }
  fsyncSync(out)
  const tookMs = performance.now() - begun
  closeSync(out)
  rmSync(path)
  return tookMs
}

const directory = mkdtempSync(join(tmpdir(), 'oncelog-compaction-'))
const composed = await openComposed(directory)
await fill(composed)
const { engine, kernel, store } = composed
const { partition, id } = engine.topics.partition(TOPIC, 0)
const now = Date.now()
const times = { now, trustedNow: now }
const dirty = dirtyPart(store.compactable(id), partition.watermarks.durableOffset, parseTopicConfig(CONFIG), times)
if (dirty === undefined) throw new Error('nothing to compact')
const limits = parseTopicConfig(CONFIG)
const heldMs: number[] = []
const input: PassInput = {
  ...{ kernel, store, id, dirty, limits, logStartOffset: 0, deleteRetentionMs: 86_400_000, mapBytes: 16 * MIB },
  now: Date.now(),
  trustedNow: Date.now(),
  producers: () => partition.producers(),
  rewritten: (nextOffset) => partition.rewritten(nextOffset),
}
// Twice the same reading, so that both find the bytes in the cache.
rawMsOf(join(directory, `${TOPIC}-0`), 0)
const begun = performance.now()
const result = await runInTurns(compact(input), heldMs)
const passMs = performance.now() - begun
if (result === undefined) throw new Error('the partition was changed meanwhile')
const rawMs = rawMsOf(join(directory, `${TOPIC}-0`), result.readBytes)
heldMs.sort((a, b) => a - b)
const percentile = (share: number) => Number((heldMs[Math.ceil(heldMs.length * share) - 1] ?? Number.NaN).toFixed(2))
console.log(
  JSON.stringify({
    'MiB read': Math.round(result.readBytes / MIB),
    'MiB that stayed': Math.round(result.writtenBytes / MIB),
    'MiB/s': Math.round(result.readBytes / MIB / (passMs / 1000)),
    'of raw': Number((rawMs / passMs).toFixed(2)),
    'turn p50 ms': percentile(0.5),
    'turn p99 ms': percentile(0.99),
    'turn max ms': percentile(1),
  }),
)
await composed.broker.close()
rmSync(directory, { recursive: true, force: true })
