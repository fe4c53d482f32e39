// What Kafka's own tests ask of compaction, over both stores; each is named after its source.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DecodedBatch, Kernel } from '../../bindings/kernel/kernel.ts'
import { FilePartitionStore } from '../../bindings/log/store/file-partition-store.ts'
import { ATTRIBUTE_CONTROL } from '../../bindings/model/records.ts'
import { MemoryRowStore } from '../../bindings/storage/drivers/memory-rows.ts'
import type { PartitionSource } from '../../bindings/storage/partition-source.ts'
import type { PartitionStore } from '../../bindings/storage/partition-store.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { newKernel } from '../kernel/support.ts'
import { CompactedLog, ID } from '../log/compaction/harness.ts'

const register = suite('compaction')
const RETENTION_MS = 1000
const DELETE_HORIZON = 0x40
const STORES: Readonly<Record<string, (source: PartitionSource, kernel: Kernel) => PartitionStore>> = {
  files: (source, kernel) =>
    new FilePartitionStore(new VirtualDisk(), kernel, source, {
      ...{ ringFileBytes: 16384, ringFiles: 2, ringFilesUsual: 2, ringFilesMax: 4, openFilesMax: 6 },
      random: () => 0.5,
    }),
  rows: () => new MemoryRowStore(),
}

class Story extends CompactedLog {
  #fillers = 0

  /** Over all that stands in the log by now: what comes after it closes its segment and brings a checkpoint about. */
  pass(now: number): void {
    this.now = now
    const upTo = this.nextOffset
    for (let tries = 0; this.cleanedOffset < upTo; tries++) {
      assert.ok(tries < 300, 'a pass came')
      this.append(-1, false, [[`filler-${this.#fillers++}`, 'v'.repeat(60)]])
      this.commit()
      const closed = this.store.compactable(ID).segments.at(-1)?.nextOffset ?? 0
      if (closed >= upTo) this.compact()
    }
  }

  at(offset: number): DecodedBatch | undefined {
    return this.stored().find(({ baseOffset, nextOffset }) => baseOffset <= offset && offset < nextOffset)
  }

  /** Whether the record itself is there, not only its batch. */
  has(offset: number): boolean {
    const batch = this.at(offset)
    return (
      batch !== undefined && Array.from({ length: batch.recordCount }, (_, at) => batch.offsetOf(at)).includes(offset)
    )
  }
}

function test(name: string, run: (log: Story) => void): void {
  for (const [over, storeOf] of Object.entries(STORES)) {
    register(`${over}: ${name}`, () => {
      const kernel = newKernel()
      const options = { segmentBytes: 300, deleteRetentionMs: RETENTION_MS, mapBytes: 1 << 16 }
      run(new Story(kernel, (source) => storeOf(source, kernel), options))
    })
  }
}

test('the newest of each key stays, at its offset, in order, with its time (testCleanSegments)', (log) => {
  for (const [key, value] of ['a1', 'b1', 'a2', 'c1', 'b2', 'a3'].map((word) => [word[0]!, word] as const)) {
    log.append(-1, false, [[key, value]])
  }
  const written = log.batches.flatMap(({ records }) => records)
  log.pass(2_000_000)
  assert.equal(
    log.visible().filter(({ value }) => value?.length === 2),
    [3, 4, 5].map((offset) => written[offset]),
  )
})

test('a tombstone stays with the first pass and goes a horizon after it, whatever its own time (testCleanTombstone)', (log) => {
  log.now = 1000
  log.append(-1, false, [['k', 'v']])
  log.append(-1, false, [
    ['k', null],
    ['other', 'v'],
  ])
  const first = 5_000_000
  log.pass(first)
  assert.equal([log.has(0), log.has(1), log.has(2)], [false, true, true])
  const { attributes = 0, baseTimestamp } = log.at(1)?.header ?? {}
  assert.is(attributes & DELETE_HORIZON, DELETE_HORIZON)
  assert.is(baseTimestamp, first + RETENTION_MS)
  const times = [log.at(1)?.timestampOf(0), log.at(1)?.timestampOf(1)]
  assert.equal(
    times,
    log.batches[1]?.records.map(({ timestamp }) => timestamp),
  )
  log.pass(first + 600)
  log.pass(first + RETENTION_MS - 1)
  assert.ok(log.has(1), 'counted from the first pass, not from the last one')
  log.pass(first + RETENTION_MS)
  assert.equal([log.has(1), log.has(2)], [false, true])
})

test('a tombstone that a newer record replaces goes at once (testCleaningWithDeletes)', (log) => {
  log.append(-1, false, [['k', null]])
  log.append(-1, false, [['k', 'again']])
  log.pass(2_000_000)
  assert.equal([log.has(0), log.has(1)], [false, true])
})

test('an aborted record goes with the first pass, its marker a horizon after the pass that met none (testAbortMarkerRemoval)', (log) => {
  markers(log, false)
})

test('a commit’s marker stays as long as a record of it, then a horizon more (testCommitMarkerRemoval)', (log) => {
  markers(log, true)
})

function markers(log: Story, isCommit: boolean): void {
  const first = 2_000_000
  const marker = 1
  log.append(5, true, [['k', 'v']])
  log.endTransaction(5, isCommit)
  // Not the last batch of its segment, nor of its producer: those stay for what they say.
  log.append(5, false, [['l', 'v']])
  log.pass(first)
  assert.is(log.has(0), isCommit)
  assert.is(log.at(marker)?.recordCount, 1, 'this pass met its transaction')
  assert.is((log.at(marker)?.header.attributes ?? 0) & DELETE_HORIZON, 0)
  if (isCommit) {
    log.append(-1, false, [['k', 'newer']])
    log.pass(first)
    assert.not(log.has(0))
    assert.is(log.at(marker)?.recordCount, 1)
  }
  log.pass(first)
  const { attributes = 0, baseTimestamp } = log.at(marker)?.header ?? {}
  assert.is(attributes & (ATTRIBUTE_CONTROL | DELETE_HORIZON), ATTRIBUTE_CONTROL | DELETE_HORIZON)
  assert.is(baseTimestamp, first + RETENTION_MS)
  log.pass(first + RETENTION_MS - 1)
  assert.ok(log.at(marker), 'counted from the pass that met nothing of it')
  log.pass(first + RETENTION_MS)
  assert.is(log.at(marker), undefined)
}

test('the last batch of a producer leaves its header, its duplicate is known afterwards (testLogCleanerRetainsProducerLastSequence)', (log) => {
  log.append(7, false, [
    ['k', 'old'],
    ['l', 'old'],
  ])
  log.append(-1, false, [
    ['k', 'new'],
    ['l', 'new'],
  ])
  log.pass(2_000_000)
  const batch = log.at(0)
  const { sizeBytes, producerId, baseSequence, lastOffsetDelta } = batch?.header ?? {}
  assert.equal([batch?.recordCount, sizeBytes, producerId, baseSequence, lastOffsetDelta], [0, 61, 7, 0, 1])
  assert.is(batch?.nextOffset, 2)
})

test('nothing at or above the last stable offset is looked at (testCleaningWithUncleanableSection)', (log) => {
  log.append(-1, false, [['k', 'old']])
  log.append(-1, false, [['k', 'new']])
  log.pass(2_000_000)
  log.append(9, true, [['open', 'v']])
  const open = log.nextOffset - 1
  const keys = ['k', 'filler-0', 'filler-1', 'k', 'filler-0']
  for (const key of keys) log.append(-1, false, [[key, 'after the open one']])
  for (let count = 0; count < 300; count++) {
    log.append(-1, false, [[`last-${count}`, 'v'.repeat(60)]])
    log.commit()
  }
  log.compact()
  assert.equal([log.has(0), log.has(1)], [false, true])
  assert.ok(log.cleanedOffset <= open)
  for (let offset = open; offset < log.nextOffset; offset++) assert.ok(log.has(offset), `${offset}`)
  log.endTransaction(9, true)
  log.pass(2_000_000)
  assert.equal([log.has(1), log.has(open), log.has(open + 1), log.has(open + 4)], [false, true, false, true])
})

register.run()
