import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ABORTED_ENTRY_BYTES, readAborted, writeAborted } from '../../../bindings/log/files/aborted-transaction.ts'
import { segmentFileName } from '../../../bindings/log/files/file-names.ts'
import type { Segment } from '../../../bindings/log/segment/segment.ts'
import type { SegmentList } from '../../../bindings/log/segment/segment-list.ts'
import { MARKER_BYTES } from '../../../bindings/log/segment/transaction-scan.ts'
import type { LogError } from '../../../bindings/model/errors.ts'
import type { AbortedTransaction } from '../../../bindings/storage/partition-store.ts'
import { DiskFaults } from '../../../bindings/testkit/simulation/faults.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { fromHex, toHex } from '../../kernel/support.ts'
import { held } from '../store/plain-writer.ts'
import { runNow } from '../support.ts'
import { content, errorOf, overwrite } from './model.ts'
import { append, DIRECTORY, newContext, newList, reopened } from './support.ts'
import { TransactionStory, transactional } from './transactions.ts'

const aborted = suite('aborted transactions')
const changes = { segmentBytes: 900, segmentMs: 1e12 }

/**
 * Transactions inside a segment, over the ends of segments, side by side, ended by a commit, and markers without data.
 */
function told(disk: VirtualDisk): TransactionStory {
  const story = new TransactionStory(newList(newContext(disk), changes))
  for (let round = 0; round < 8; round++) {
    for (const producerId of [1, 2, 3]) story.data(producerId)
    story.abort(1)
    story.data(2)
    story.commit(3)
    append(story.list, { baseOffset: story.nextOffset })
    story.abort(9)
    if (round % 3 !== 0) story.abort(2)
  }
  assert.ok(story.list.all.length > 5 && story.aborted.length > 10)
  return story
}

function between(list: SegmentList, from: number, upTo: number): readonly object[] {
  for (;;) {
    const found = list.abortedBetween(from, upTo)
    if (found !== undefined) return found
    runNow(list.loadAborted(from, upTo))
  }
}

function assertFinds(
  list: SegmentList,
  { aborted: recorded, nextOffset }: Pick<TransactionStory, 'aborted' | 'nextOffset'>,
  note = '',
): void {
  for (let from = 0; from < nextOffset; from++) {
    for (let upTo = from + 1; upTo <= nextOffset; upTo += 5) {
      const wanted = recorded.filter(({ firstOffset, lastOffset }) => lastOffset >= from && firstOffset < upTo)
      assert.equal(between(list, from, upTo), wanted, `${note}: ${from} to ${upTo}`)
    }
  }
}

const indexes = (list: SegmentList): string[] =>
  list.all.map(({ baseOffset }) => `${DIRECTORY}/${segmentFileName(baseOffset, 'txnindex')}`)

aborted('an entry has Kafka’s bytes', () => {
  const golden = '00000000000000000fa0000000000000000a000000000000002a000000000000002b'
  const entry = { producerId: 4000, firstOffset: 10, lastOffset: 42, lastStableOffset: 43 }
  const bytes = new Uint8Array(ABORTED_ENTRY_BYTES)
  writeAborted(new DataView(bytes.buffer), 0, entry)
  assert.is(toHex(bytes), golden)
  assert.equal(readAborted(new DataView(fromHex(golden).buffer), 0, 'x'), entry)
  for (const damage of ['0001', '0000ff']) {
    const bad = fromHex(damage + golden.slice(damage.length))
    assert.is(errorOf(() => readAborted(new DataView(bad.buffer), 0, 'x'))?.code, 'CORRUPT_LOG')
  }
})

aborted('every range of offsets finds the aborted transactions that touch it', () => {
  const story = told(new VirtualDisk())
  assertFinds(story.list, story)
})

aborted('files are written with the other indexes, one only where something was aborted', () => {
  const disk = new VirtualDisk()
  const story = told(disk)
  runNow(story.list.writeIndexes())
  const counts = story.list.all.map(({ aborted }) => aborted.noted.entryCount)
  assert.equal(
    indexes(story.list).map((path) => (content(disk, path)?.length ?? 0) / ABORTED_ENTRY_BYTES),
    counts,
  )
  const again = reopened(story.list, disk, changes)
  assert.is(again.abortedBetween(0, story.nextOffset), undefined, 'nothing is in memory yet')
  assertFinds(again, story)
  assert.equal(
    again.all.map(({ aborted }) => aborted.noted),
    story.list.all.map(({ aborted }) => aborted.noted),
  )
})

aborted('a lost, torn, damaged or foreign file is learned again from the markers', () => {
  for (const damage of ['missing', 'torn', 'flipped', 'foreign', 'unwritten'] as const) {
    const disk = new VirtualDisk()
    const story = told(disk)
    if (damage !== 'unwritten') runNow(story.list.writeIndexes())
    for (const path of indexes(story.list)) {
      const bytes = content(disk, path)
      if (bytes === undefined || damage === 'unwritten') continue
      if (damage === 'missing') disk.remove(path)
      else if (damage === 'torn') overwrite(disk, path, bytes.subarray(0, bytes.length - 1))
      else if (damage === 'flipped') overwrite(disk, path, bytes.fill(1, 12, 13))
      else overwrite(disk, path, new Uint8Array(bytes.length))
    }
    const again = reopened(story.list, disk, changes)
    assertFinds(again, story, damage)
    runNow(again.writeGrownIndexes())
    assertFinds(reopened(again, disk, changes), story, `${damage}, written again`)
  }
})

aborted('a file that the device cannot read is learned again from the markers', () => {
  const disk = new VirtualDisk()
  const story = told(disk)
  runNow(story.list.writeIndexes())
  disk.faults = new DiskFaults([{ kind: 'read', effect: 'error', at: 1, isSticky: true, path: '.txnindex' }])
  const again = reopened(story.list, disk, changes)
  assertFinds(again, story)
  assert.ok(disk.faults.struck > 0)
  runNow(again.writeGrownIndexes())
  disk.faults = undefined
  assertFinds(reopened(again, disk, changes), story, 'written again')
})

aborted('what is recorded after an open goes after what the file holds, read or not', () => {
  for (const isRead of [false, true]) {
    const disk = new VirtualDisk()
    const story = told(disk)
    runNow(story.list.writeIndexes())
    const again = reopened(story.list, disk, changes)
    if (isRead) between(again, 0, story.nextOffset)
    const { nextOffset } = story
    const later = { producerId: 7, firstOffset: 1, lastOffset: nextOffset, lastStableOffset: nextOffset + 1 }
    again.recordAborted(later)
    runNow(again.writeGrownIndexes())
    const third = reopened(again, disk, changes)
    assert.equal(between(third, 0, nextOffset + 1), [...story.aborted, later])
  }
})

aborted('a file ends with the entries that were recorded, whatever it held: Kafka believes all that it holds', () => {
  const disk = new VirtualDisk()
  const { list } = told(disk)
  for (const path of indexes(list)) overwrite(disk, path, new Uint8Array(50 * ABORTED_ENTRY_BYTES))
  runNow(list.writeIndexes())
  for (const [index, path] of indexes(list).entries()) {
    const recorded = list.all[index]?.aborted.noted.entryCount ?? 0
    if (recorded > 0) assert.is(content(disk, path)?.length, recorded * ABORTED_ENTRY_BYTES)
  }
})

aborted('a closed file’s entries are freed from memory, entries that no file holds stay', () => {
  const disk = new VirtualDisk()
  const story = told(disk)
  story.list.release()
  assertFinds(story.list, story, 'released')
})

aborted('the entries of a dropped segment are found no more', () => {
  const disk = new VirtualDisk()
  const story = told(disk)
  const [, , third] = story.list.all
  assert.ok(third !== undefined)
  while (story.list.all[0] !== third) story.list.dropFirst()
  const wanted = story.aborted.filter(({ lastOffset }) => lastOffset >= third.baseOffset)
  assert.equal(between(story.list, third.baseOffset, story.nextOffset), wanted)
})

aborted('a segment that retention removes while its entries are read from the file is passed over', () => {
  const disk = new VirtualDisk()
  const story = told(disk)
  runNow(story.list.writeIndexes())
  const again = reopened(story.list, disk, changes)
  const [first, second] = again.all
  const [index = ''] = indexes(again)
  assert.ok(first !== undefined && second !== undefined)
  const open = disk.open.bind(disk)
  disk.open = (path, options) => {
    if (path === index && again.all[0] === first) {
      again.dropFirst()
      for (const file of [first.logPath, index]) disk.remove(file)
    }
    return open(path, options)
  }
  runNow(again.loadAborted(0, story.nextOffset))
  const wanted = story.aborted.filter(({ lastOffset }) => lastOffset >= second.baseOffset)
  assert.equal(again.abortedBetween(second.baseOffset, story.nextOffset), wanted)
})

aborted('what is aborted beside a look at the markers is found, though its segment lacks it yet', () => {
  const disk = new VirtualDisk()
  const story = told(disk)
  runNow(story.list.writeIndexes())
  for (const path of indexes(story.list)) disk.remove(path)
  const again = new TransactionStory(reopened(story.list, disk, { ...changes, segmentBytes: 9000 }))
  runNow(again.list.loadActive())
  const learning = again.list.loadAborted(0, story.nextOffset)
  const goOn = held(learning, ({ kind }) => kind === 'read')
  again.data(5)
  again.abort(5, true)
  assert.ok(again.list.hasBuffered)
  goOn()
  assert.equal(between(again.list, 0, again.nextOffset), [...story.aborted, ...again.aborted])
})

/** `at`: of the byte that is flipped, from the end of its segment's file. */
function withoutIndexes(story: TransactionStory, disk: VirtualDisk, place: number, at: number): SegmentList {
  runNow(story.list.writeIndexes())
  for (const path of indexes(story.list)) disk.remove(path)
  const again = reopened(story.list, disk, changes)
  const segment = again.all.at(place)
  const bytes = segment && content(disk, segment.logPath)
  assert.ok(segment && bytes)
  bytes[segment.sizeBytes - at] = (bytes[segment.sizeBytes - at] ?? 0) ^ 1
  overwrite(disk, segment.logPath, bytes)
  return again
}

aborted('past a damaged head no marker is looked for: if there is none, who asks gets those before', () => {
  const disk = new VirtualDisk()
  const story = told(disk)
  const begun = story.nextOffset
  story.data(5)
  const { bytes } = transactional({ baseOffset: begun, producerId: 5, valueBytes: 40 })
  const again = withoutIndexes(story, disk, -1, bytes.length - 11)
  runNow(again.loadAborted(0, begun))
  assertFinds(again, { aborted: story.aborted, nextOffset: begun })
})

aborted('the damaged record of an aborted transaction hides no marker', () => {
  const disk = new VirtualDisk()
  const story = told(disk)
  const [first] = story.list.all
  const again = withoutIndexes(story, disk, 0, 20)
  assert.ok(first)
  const whole = story.aborted.filter(({ firstOffset }) => firstOffset !== first.nextOffset - 1)
  assert.equal(between(again, 0, story.nextOffset), whole)
})

for (const [what, at] of [
  ['its body', 20],
  ['its length', MARKER_BYTES - 11],
  ['its offset', MARKER_BYTES - 7],
] as const) {
  aborted(`damage hides a marker that only the lost index knew (${what}): whoever asks hears where it is`, () => {
    const disk = new VirtualDisk()
    const story = new TransactionStory(newList(newContext(disk), changes))
    story.data(1)
    story.data(2)
    story.abort(1)
    story.commit(2)
    story.data(2)
    const position = story.list.active?.sizeBytes ?? 0
    story.abort(2)
    const { logPath: file, nextOffset } = story.list.active as Segment
    const again = withoutIndexes(story, disk, -1, at)
    for (let look = 0; look < 2; look++) {
      const error = errorOf(() => runNow(again.loadAborted(0, nextOffset)))
      assert.is(error?.code, 'CORRUPT_MESSAGE')
      const { details } = error as LogError
      assert.equal([details['file'], details['position'], details['offset']], [file, position, nextOffset - 1])
    }
    assert.is(again.abortedBetween(0, nextOffset), undefined)
  })
}

for (const [what, at] of [
  ['its body', 20],
  ['its length', MARKER_BYTES - 11],
] as const) {
  aborted(`a commit marker that damage hides (${what}) isn't passed over for the next abort of its producer`, () => {
    const disk = new VirtualDisk()
    const story = new TransactionStory(newList(newContext(disk), changes))
    story.data(2)
    story.commit(2)
    const { logPath: file, sizeBytes } = story.list.active as Segment
    for (let more = 0; more < 8; more++) story.data(2)
    story.abort(2)
    assert.is(story.list.all.length, 2)
    const [{ sizeBytes: bytes }] = story.list.all as [Segment]
    const again = withoutIndexes(story, disk, 0, bytes - sizeBytes + at)
    const error = errorOf(() => runNow(again.loadAborted(0, story.nextOffset)))
    assert.is(error?.code, 'CORRUPT_MESSAGE')
    const { details } = error as LogError
    assert.equal([details['file'], details['position'], details['offset']], [file, sizeBytes - MARKER_BYTES, 1])
  })
}

aborted('a hidden marker leaves no doubt where what was learned has the checksum that was noted', () => {
  const disk = new VirtualDisk()
  const story = new TransactionStory(newList(newContext(disk), changes))
  story.data(1)
  story.commit(9)
  const { sizeBytes } = story.list.active as Segment
  story.data(1)
  story.abort(1)
  const { sizeBytes: bytes } = story.list.active as Segment
  const again = withoutIndexes(story, disk, -1, bytes - sizeBytes + 20)
  assert.equal(between(again, 0, story.nextOffset), story.aborted)
})

/** Batches of three producers over several segments; of each its place, and whether an abort marker ended it. */
function batchesOf(story: TransactionStory) {
  const batches: { path: string; position: number; offset: number; producerId: number; isAborted: boolean }[] = []
  const placed = (producerId: number, append: () => void) => {
    const offset = story.nextOffset
    append()
    const { logPath: path, baseOffset, sizeBytes } = story.list.active as Segment
    const before = batches.at(-1)?.path === path ? sizes : 0
    sizes = sizeBytes
    assert.ok(before > 0 || baseOffset === offset)
    batches.push({ path, position: before, offset, producerId, isAborted: false })
  }
  let sizes = 0
  for (let round = 0; round < 5; round++) {
    for (const producerId of [1, 2, 3, 2]) placed(producerId, () => story.data(producerId))
    placed(-1, () => (round % 2 === 0 ? story.abort(2) : story.commit(2)))
    placed(-1, () => story.commit(3))
    if (round % 2 === 1) placed(-1, () => story.abort(1))
  }
  for (const batch of batches) batch.isAborted = story.aborted.some((each) => takes(each, batch))
  return batches
}

function takes(
  { producerId, firstOffset, lastOffset }: AbortedTransaction,
  batch: { readonly producerId: number; readonly offset: number },
): boolean {
  return producerId === batch.producerId && firstOffset <= batch.offset && batch.offset < lastOffset
}

aborted('whatever is damaged of a batch, who is told what was aborted is told it rightly of all others', () => {
  for (const [byte, mask] of [
    [7, 1],
    [7, 4],
    [7, 128],
    [11, 2],
    [16, 1],
    [22, 32],
    [70, 1],
  ] as const) {
    const disk = new VirtualDisk()
    const story = new TransactionStory(newList(newContext(disk), { ...changes, segmentBytes: 400 }))
    const batches = batchesOf(story)
    runNow(story.list.writeIndexes())
    for (const path of indexes(story.list)) disk.remove(path)
    let told = 0
    for (const damaged of batches) {
      const whole = content(disk, damaged.path)
      assert.ok(whole)
      const bytes = whole.slice()
      bytes[damaged.position + byte] = (bytes[damaged.position + byte] ?? 0) ^ mask
      overwrite(disk, damaged.path, bytes)
      for (const { offset: from } of batches) {
        const again = reopened(story.list, disk, changes)
        const error = errorOf(() => runNow(again.loadAborted(from, from + 1)))
        if (error !== undefined) assert.is(error.code, 'CORRUPT_MESSAGE')
        const found = error === undefined ? again.abortedBetween(from, from + 1) : undefined
        const batch = batches.find(({ offset }) => offset === from)
        if (found === undefined || batch === undefined || batch === damaged || batch.producerId < 0) continue
        told++
        const isAborted = found.some((each) => takes(each, batch))
        assert.is(isAborted, batch.isAborted, `offset ${from}, byte ${byte} at offset ${damaged.offset}`)
      }
      overwrite(disk, damaged.path, whole)
    }
    assert.ok(told > 100, `${told}`)
  }
})

aborted('a batch alone in its segment, its offset damaged: what it begins is not aborted from that offset on', () => {
  const disk = new VirtualDisk()
  const story = new TransactionStory(newList(newContext(disk), { ...changes, segmentBytes: 100 }))
  story.data(1)
  story.data(1)
  story.abort(1)
  const [first, second] = story.list.all as [Segment, Segment]
  assert.is(first.nextOffset, 1)
  const again = withoutIndexes(story, disk, 0, first.sizeBytes - 7)
  assert.is(errorOf(() => runNow(again.loadAborted(second.baseOffset, story.nextOffset)))?.code, 'CORRUPT_MESSAGE')
})

aborted('an abort marker that ended nothing stands for none that damage hides', () => {
  const disk = new VirtualDisk()
  const story = new TransactionStory(newList(newContext(disk), changes))
  while (story.list.all.length < 2) story.data(9)
  story.abort(9)
  story.abort(9)
  story.data(2)
  story.abort(2)
  const { nextOffset } = story.list.active as Segment
  for (const removed of [0, 1]) {
    const again = withoutIndexes(story, disk, -1, 20 + removed)
    // With the first one retention takes records that the next marker may have aborted.
    for (let left = removed; left > 0; left--) again.dropFirst()
    assert.is(errorOf(() => runNow(again.loadAborted(nextOffset - 2, nextOffset)))?.code, 'CORRUPT_MESSAGE')
  }
})

aborted.run()
