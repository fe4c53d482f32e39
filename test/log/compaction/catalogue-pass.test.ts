// Catalogues of random changes, compacted again and again by passes that end anywhere: whatever is left, a replay comes
// to the same topics.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Catalogue } from '../../../bindings/log/catalogue/catalogue.ts'
import { catalogueKeys } from '../../../bindings/log/catalogue/catalogue-keys.ts'
import type { TableRecord } from '../../../bindings/log/catalogue/table-record.ts'
import { compact, type PassInput } from '../../../bindings/log/compaction/compaction-pass.ts'
import { dirtyPart } from '../../../bindings/log/compaction/dirty-part.ts'
import { FilePartitionStore } from '../../../bindings/log/store/file-partition-store.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { MemoryRowStore } from '../../../bindings/storage/drivers/memory-rows.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel, Random } from '../../kernel/support.ts'
import { topicId } from '../catalogue/fixtures.ts'
import { runNow } from '../support.ts'
import { CompactedLog, ID } from './harness.ts'

const FILES = { ringFileBytes: 16384, ringFiles: 2, ringFilesUsual: 2, ringFilesMax: 4, openFilesMax: 6 }
const CONFIG = { minCleanableDirtyRatio: 0, minCompactionLagMs: 0, maxCompactionLagMs: Number.MAX_SAFE_INTEGER }
const NAMES = ['a', 'b', 'c']

class CutShort extends Error {}

/** A store that lets so many groups of a pass be rewritten. */
function cutAfter(log: CompactedLog, groups: number): PassInput['store'] {
  const { store } = log
  let left = groups
  return {
    read: (...given) => store.read(...given),
    prepareRead: (...given) => store.prepareRead(...given),
    abortedBetween: (...given) => store.abortedBetween(...given),
    cleaned: (...given) => store.cleaned(...given),
    *rewrite(...given) {
      if (left-- <= 0) throw new CutShort()
      return yield* store.rewrite(...given)
    },
  }
}

/** Answers whether it came to its end. */
function pass(log: CompactedLog, groups: number, mapBytes: number): boolean {
  const { kernel, now } = log
  const dirty = dirtyPart(log.store.compactable(ID), log.lastStableOffset, CONFIG, { now, trustedNow: now })
  if (dirty === undefined) return true
  const limits = log.segmentConfig()
  const byAge = { now, trustedNow: now, deleteRetentionMs: 0 }
  const rest = { ...byAge, logStartOffset: 0, mapBytes, rewritten: () => {}, producers: () => [] }
  try {
    runNow(compact({ kernel, store: cutAfter(log, groups), id: ID, dirty, limits, keysOf: catalogueKeys, ...rest }))
    return true
  } catch (error) {
    if (!(error instanceof CutShort)) throw error
    return false
  } finally {
    log.maintain()
  }
}

function change(random: Random, catalogue: Catalogue, number: number): readonly TableRecord[] {
  const name = random.pick(NAMES)
  const live = catalogue.planned.byName(name)
  if (live === undefined) return catalogue.planCreate(topicId(number), name, 1 + random.below(2), {})
  const moved = live.logStartOffsets.get(0) ?? 0
  switch (random.below(6)) {
    case 0:
      return catalogue.planDelete(name)
    case 1:
      return catalogue.planAddPartitions(name, live.partitions + 1)
    case 2:
      return catalogue.planMoveLogStart(live.topicId, live.partitions - 1, number + 1)
    case 3:
      return catalogue.planMoveLogStart(live.topicId, 0, moved + 1)
    default:
      return catalogue.planAlterConfig(name, { x: number })
  }
}

function replayed(log: CompactedLog): { readonly catalogue: Catalogue; readonly count: number } {
  const catalogue = new Catalogue()
  let count = 0
  for (const { offset, key, value } of log.visible()) {
    const bytes = (text: string | null) => (text === null ? null : Buffer.from(text))
    const record = { key: bytes(key), value: bytes(value), headers: [], timestamp: undefined }
    catalogue.apply(record, { topic: ID.topic, partition: 0, offset })
    count++
  }
  catalogue.assertWhole()
  return { catalogue, count }
}

function live(seed: number, isRows: boolean): { readonly cut: number; readonly kept: number } {
  const random = new Random(seed)
  const kernel = newKernel(1 << 24)
  const options = { segmentBytes: random.pick([250, 500, 1500]), deleteRetentionMs: 0, mapBytes: 0 }
  const log = new CompactedLog(
    kernel,
    (source) =>
      isRows
        ? new MemoryRowStore()
        : new FilePartitionStore(new VirtualDisk(), kernel, source, { ...FILES, random: () => 0.5 }),
    options,
  )
  const told = new Catalogue()
  const text = (bytes: Uint8Array | null) => Buffer.from(bytes ?? []).toString()
  let cut = 0
  for (let number = 0; number < 120; number++) {
    for (const record of change(random, told, number)) {
      told.apply(record, { topic: ID.topic, partition: 0, offset: log.nextOffset })
      log.append(-1, false, [[text(record.key), text(record.value)]])
    }
    if (!random.chance(0.2)) continue
    log.commit()
    const isWhole = random.chance(0.5)
    if (!pass(log, isWhole ? 1e9 : random.below(6), random.pick([0, 1 << 16]))) cut++
    assert.equal(replayed(log).catalogue.durable.live(), told.durable.live())
  }
  return { cut, kept: replayed(log).count }
}

for (const isRows of [false, true]) {
  test(`${isRows ? 'rows' : 'files'}: passes that end anywhere leave the same topics`, () => {
    let [cut, most] = [0, 0]
    for (let seed = 1; seed <= 15; seed++) {
      try {
        const found = live(seed, isRows)
        cut += found.cut
        most = Math.max(most, found.kept)
      } catch (error) {
        // uvu would swallow it.
        throw LogError.is(error) ? new Error(`seed ${seed}: ${error.code} ${error.message}`) : error
      }
    }
    assert.ok(cut > 10, `${cut} passes were cut short`)
    assert.ok(most < 90, `${most} of 120 records are left`)
  })
}

test.run()
