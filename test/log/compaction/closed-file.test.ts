// A pass reads with turns for others, who may have the file closed to open theirs: what it reads ends there.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compact, type PassInput, type PassResult } from '../../../bindings/log/compaction/compaction-pass.ts'
import { dirtyPart } from '../../../bindings/log/compaction/dirty-part.ts'
import { FilePartitionStore } from '../../../bindings/log/store/file-partition-store.ts'
import type { PartitionSource } from '../../../bindings/storage/partition-source.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../../kernel/support.ts'
import { runNow } from '../support.ts'
import { CompactedLog, ID, judge } from './harness.ts'

const FILES = { ringFileBytes: 16384, ringFiles: 2, ringFilesUsual: 2, ringFilesMax: 4, openFilesMax: 6 }
const CONFIG = { minCleanableDirtyRatio: 0, minCompactionLagMs: 0, maxCompactionLagMs: Number.MAX_SAFE_INTEGER }
const OPTIONS = { segmentBytes: 600, deleteRetentionMs: 0, mapBytes: 1 << 16 }

function written(): CompactedLog {
  const kernel = newKernel(1 << 24)
  const storeOf = (source: PartitionSource) => {
    return new FilePartitionStore(new VirtualDisk(), kernel, source, { ...FILES, random: () => 0.5 })
  }
  const log = new CompactedLog(kernel, storeOf, OPTIONS)
  // Enough for checkpoints, which note segments as closed.
  for (let number = 0; number < 400; number++) {
    log.append(-1, false, [[`key-${number % 7}`, `${number}`]])
    if (number % 10 === 9) log.commit()
  }
  return log
}

/** A pass in which nothing is read from `fromOffset` on, while it rewrites or before. */
function cutShort(
  log: CompactedLog,
  fromOffset: number,
  during: 'keys' | 'rewrite',
  hasAborted = true,
): PassResult | undefined {
  const { kernel, store, now } = log
  const dirty = dirtyPart(store.compactable(ID), log.lastStableOffset, CONFIG, { now, trustedNow: now })
  assert.ok(dirty)
  let isRewriting = false
  const cut: PassInput['store'] = {
    read: (id, offset, into) => {
      const isClosed = offset >= fromOffset && isRewriting === (during === 'rewrite')
      // Without what follows in the same read.
      return isClosed ? undefined : store.read(id, offset, into.subarray(0, 300))
    },
    prepareRead: (...given) => store.prepareRead(...given),
    abortedBetween: (...given) => (hasAborted ? store.abortedBetween(...given) : undefined),
    cleaned: (...given) => store.cleaned(...given),
    rewrite(...given) {
      isRewriting = true
      return store.rewrite(...given)
    },
  }
  const limits = log.segmentConfig()
  const rest = { logStartOffset: 0, limits, mapBytes: 1 << 16, rewritten: () => {}, producers: () => [] }
  const byAge = { now, trustedNow: now, deleteRetentionMs: 0 }
  const result = runNow(compact({ kernel, store: cut, id: ID, dirty, ...byAge, ...rest }))
  log.maintain()
  return result
}

for (const during of ['keys', 'rewrite'] as const) {
  test(`a pass whose file is closed while it reads ${during} leaves all that it didn't read, and begins anew`, () => {
    const log = written()
    const unread = () => log.visible().filter(({ offset }) => offset >= 20)
    const before = unread()
    assert.is(cutShort(log, 20, during), undefined)
    assert.equal(unread(), before)
    assert.is(log.store.compactable(ID).cleanedOffset, 0)
    assert.ok(log.compact())
    judge(log)
    assert.ok(unread().length < before.length)
  })
}

// What was aborted would replace what was committed before.
test('a pass that learns nothing of aborted transactions leaves all as it is', () => {
  const log = written()
  const before = log.visible()
  assert.is(cutShort(log, Number.POSITIVE_INFINITY, 'keys', false), undefined)
  assert.equal(log.visible(), before)
})

test.run()
