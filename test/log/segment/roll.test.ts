import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { NEXT_SEGMENT, segmentFileName } from '../../../bindings/log/files/file-names.ts'
import { TIME_ENTRY_BYTES } from '../../../bindings/log/segment/index-file.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { sealedBatch } from '../../../bindings/storage/conformance/batches.ts'
import type { DirectoryNode } from '../../../bindings/testkit/simulation/disk-nodes.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { toHex } from '../../kernel/support.ts'
import { runNow } from '../support.ts'
import { content, overwrite, path } from './model.ts'
import { append, appendSealed, DIRECTORY, join, newContext, newList, read, reopened } from './support.ts'

const rolls = suite('rolls and deletes')

rolls('a batch that doesn’t fit goes to a new segment; one alone may be larger than a segment', () => {
  const list = newList(newContext(new VirtualDisk()), { segmentBytes: 200 })
  append(list, { baseOffset: 0, valueBytes: 50 })
  append(list, { baseOffset: 1, valueBytes: 400 })
  append(list, { baseOffset: 2 })
  assert.equal(
    list.all.map(({ baseOffset }) => baseOffset),
    [0, 1, 2],
  )
})

rolls('batches that wait are in the file of their segment once the next one begins', () => {
  const disk = new VirtualDisk()
  const list = newList(newContext(disk))
  const { bytes } = appendSealed(list, sealedBatch({ baseOffset: 0 }), true)
  assert.ok(list.hasBuffered)
  runNow(list.roll(1))
  assert.is(disk.open(path(0, 'log'), { create: false })?.size(), bytes.length)
  assert.ok(read(list, 0, new Uint8Array(500)) > 0)
})

rolls('segment.bytes counts to the byte', () => {
  const size = append(newList(newContext(new VirtualDisk())), { baseOffset: 0 }).bytes.length
  const exact = newList(newContext(new VirtualDisk()), { segmentBytes: 2 * size })
  append(exact, { baseOffset: 0 })
  append(exact, { baseOffset: 1 })
  assert.is(exact.all.length, 1)
  const less = newList(newContext(new VirtualDisk()), { segmentBytes: 2 * size - 1 })
  append(less, { baseOffset: 0 })
  append(less, { baseOffset: 1 })
  assert.is(less.all.length, 2)
})

rolls('segment.ms passed by record time rolls at the next batch (testTimeBasedLogRollDuringAppend)', () => {
  const list = newList(newContext(new VirtualDisk()))
  append(list, { baseOffset: 0, timestamp: 5000 })
  append(list, { baseOffset: 1, timestamp: 6000 })
  append(list, { baseOffset: 2, timestamp: 4000 })
  assert.is(list.all.length, 1)
  append(list, { baseOffset: 3, timestamp: 6001 })
  assert.is(list.all.length, 2)
})

rolls('a full index rolls', () => {
  const list = newList(newContext(new VirtualDisk()), { segmentIndexBytes: 36, indexIntervalBytes: 0, segmentMs: 1e9 })
  for (let offset = 0; offset < 8; offset++) append(list, { baseOffset: offset, timestamp: 1000 + offset })
  // Three time entries fit, the last of them is kept free: two batches after the first have one.
  assert.equal(
    list.all.map(({ baseOffset }) => baseOffset),
    [0, 3, 6],
  )
})

rolls('offsets more than 2^31 apart roll (testOverCompactedLogRecovery)', () => {
  const list = newList(newContext(new VirtualDisk()))
  const far = 2 ** 31
  append(list, { baseOffset: 0 })
  append(list, { baseOffset: far - 1, leaderEpoch: 1 })
  append(list, { baseOffset: far, leaderEpoch: 1 })
  assert.equal(
    list.all.map(({ baseOffset }) => baseOffset),
    [0, far],
  )
})

rolls('an offset inside a gap gives the next batch (testReadAtLogGap, testReadFromGap)', () => {
  const list = newList(newContext(new VirtualDisk()))
  append(list, { baseOffset: 0 })
  const after = append(list, { baseOffset: 50, leaderEpoch: 1 })
  const into = new Uint8Array(500)
  assert.is(toHex(into.subarray(0, read(list, 7, into))), toHex(after.bytes))
})

rolls('a search by time finds the first record at or after it, out of order or not (testFindOffsetByTimestamp)', () => {
  const list = newList(newContext(new VirtualDisk()), { indexIntervalBytes: 0, segmentMs: 1e9, segmentBytes: 300 })
  for (const [offset, timestamp] of [30, 10, 40, 20, 50, 45].entries()) append(list, { baseOffset: offset, timestamp })
  const firsts = [5, 30, 31, 40, 41, 50].map((timestamp) => runNow(list.seekTimestamp(timestamp)) ?? -1)
  for (const [at, first] of [0, 0, 2, 2, 4, 4].entries())
    assert.ok((firsts[at] ?? 9) <= first && (firsts[at] ?? -1) >= 0, `${firsts[at]} for ${first}`)
  assert.is(runNow(list.seekTimestamp(51)), undefined)
})

rolls('a read goes on over the ends of segments as far as they are loaded', () => {
  const disk = new VirtualDisk()
  const list = newList(newContext(disk), { segmentBytes: 200 })
  const batches = Array.from({ length: 9 }, (_, offset) => append(list, { baseOffset: offset }))
  assert.ok(list.all.length > 3)
  const into = new Uint8Array(join(batches).length)
  assert.is(toHex(into.subarray(0, read(list, 0, into))), toHex(join(batches)))
  const again = reopened(list, disk)
  assert.is(again.read(0, into), undefined)
  runNow(again.load(0))
  const count = again.read(0, into) ?? 0
  assert.is(count, again.all[0]?.sizeBytes)
  assert.is(toHex(into.subarray(0, count)), toHex(join(batches).subarray(0, count)))
})

rolls(
  'an append never waits for the closed segment’s index files: the next checkpoint writes them, its file closed or not',
  () => {
    for (const filesMax of [8, 1]) {
      const disk = new VirtualDisk()
      const context = newContext(disk, filesMax)
      const list = newList(context, { segmentBytes: 200 })
      append(list, { baseOffset: 0, timestamp: 1000 })
      const before = disk.list(DIRECTORY)
      for (let offset = 1; offset < 7; offset++) append(list, { baseOffset: offset, timestamp: 1000 })
      const added = disk.list(DIRECTORY).filter((name) => !before.includes(name))
      assert.equal(
        added.filter((name) => !name.endsWith('.log')),
        [],
      )
      assert.ok(added.length > 1)
      assert.is(runNow(list.writeGrownIndexes()), true)
      for (const { baseOffset, facts } of list.all.slice(0, -1)) {
        const timeIndex = content(disk, path(baseOffset, 'timeindex'))
        assert.is(timeIndex?.length, TIME_ENTRY_BYTES, `${baseOffset}, ${filesMax} files`)
        assert.is(facts.call(list.find(baseOffset)).timeIndex.entryCount, 1)
        assert.is(content(disk, path(baseOffset, 'index'))?.length, 0)
      }
      const used = context.kernel.memory.usedBytes
      assert.is(runNow(list.writeGrownIndexes()), false, 'written')
      list.release()
      while (context.files.giveUp());
      assert.ok(context.kernel.memory.usedBytes <= used)
    }
  },
)

rolls('the next file is made once the active segment is nearly full, and renamed when it rolls', () => {
  const disk = new VirtualDisk()
  const list = newList(newContext(disk), { segmentBytes: 400 })
  const ahead = `${DIRECTORY}/${NEXT_SEGMENT}`
  overwrite(disk, ahead, new Uint8Array(300).fill(7))
  runNow(list.makeNext())
  assert.is(list.wantsNext, false)
  const isMade = () => content(disk, ahead)?.length === 0
  assert.not(isMade(), 'not due yet')
  for (let offset = 0; !list.wantsNext; offset++) append(list, { baseOffset: offset })
  assert.is(list.all.length, 1)
  assert.ok(list.sizeBytes > 300)
  runNow(list.makeNext())
  assert.ok(isMade() && !list.wantsNext, 'emptied: a crash had left batches in it')
  const { nextOffset = 0 } = list.active ?? {}
  const before = disk.list(DIRECTORY)
  const batch = append(list, { baseOffset: nextOffset, valueBytes: 200 })
  assert.equal(
    disk.list(DIRECTORY),
    before
      .filter((name) => name !== NEXT_SEGMENT)
      .concat(segmentFileName(nextOffset, 'log'))
      .sort(),
  )
  assert.is(toHex(content(disk, path(nextOffset, 'log')) ?? new Uint8Array()), toHex(batch.bytes))
})

rolls('a crash left both names of a segment: the file that is made ahead is another one', () => {
  const disk = new VirtualDisk()
  const list = newList(newContext(disk), { segmentBytes: 400 })
  append(list, { baseOffset: 0 })
  runNow(list.roll(1))
  for (let offset = 1; !list.wantsNext; offset++) append(list, { baseOffset: offset })
  const directory = disk.root.visible.get(DIRECTORY) as DirectoryNode
  directory.change([NEXT_SEGMENT, directory.visible.get(segmentFileName(1, 'log'))])
  const before = toHex(content(disk, path(1, 'log')) ?? new Uint8Array())
  runNow(list.makeNext())
  append(list, { baseOffset: list.active?.nextOffset ?? 0, valueBytes: 300 })
  assert.ok(before.length > 0)
  assert.is(toHex(content(disk, path(1, 'log')) ?? new Uint8Array()), before)
})

for (const [call, code] of [
  ['open', 'STORAGE_FULL'],
  ['open', 'KAFKA_STORAGE_ERROR'],
  ['remove', 'KAFKA_STORAGE_ERROR'],
] as const) {
  rolls(`a next file that can’t be made ahead is no failure, and the roll makes it: ${call}, ${code}`, () => {
    const disk = new VirtualDisk()
    const list = newList(newContext(disk), { segmentBytes: 200 })
    append(list, { baseOffset: 0, valueBytes: 60 })
    append(list, { baseOffset: 1, valueBytes: 100 })
    assert.ok(list.wantsNext)
    const asked = disk[call].bind(disk) as (path: string, options: { readonly create: boolean }) => undefined
    let refused = 0
    disk[call] = (name: string, options?: { readonly create: boolean }) => {
      if (!name.endsWith(NEXT_SEGMENT)) return asked(name, options ?? { create: false })
      refused++
      throw new LogError(code, 'refused', { file: name, operation: call })
    }
    runNow(list.makeNext())
    assert.equal([refused, list.wantsNext], [1, false])
    append(list, { baseOffset: 2 })
    assert.is(list.active?.baseOffset, 2)
  })
}

rolls.run()
