import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { SealedBatch } from '../../../bindings/storage/partition-store.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { Random, toHex } from '../../kernel/support.ts'
import { runNow } from '../support.ts'
import { assertReads, assertSeeks, content, fill, Model, overwrite, path } from './model.ts'
import { config, join, newContext, newList, read, reopened } from './support.ts'

/** Kafka's index rule told once more, plainly (kafka.md 2.3), with the last time entry of a roll. */
function indexReference(batches: readonly SealedBatch[], baseOffset: number, intervalBytes: number) {
  const index: number[] = []
  const times: [number, number][] = []
  let sinceEntry = 0
  let position = 0
  let most: [number, number] = [-1, baseOffset]
  const addTime = () => {
    if (most[0] > (times.at(-1)?.[0] ?? -1)) times.push(most)
  }
  for (const { bytes, nextOffset, maxTimestamp } of batches) {
    if (maxTimestamp > most[0]) most = [maxTimestamp, nextOffset - 1]
    if (sinceEntry > intervalBytes) {
      index.push(nextOffset - 1 - baseOffset, position)
      addTime()
      sinceEntry = 0
    }
    sinceEntry += bytes.length
    position += bytes.length
  }
  addTime()
  const indexBytes = Buffer.alloc(index.length * 4)
  for (const [at, value] of index.entries()) indexBytes.writeInt32BE(value, at * 4)
  const timeBytes = Buffer.alloc(times.length * 12)
  for (const [at, [timestamp, offset]] of times.entries()) {
    timeBytes.writeBigInt64BE(BigInt(timestamp), at * 12)
    timeBytes.writeInt32BE(offset - baseOffset, at * 12 + 8)
  }
  return { index: toHex(indexBytes), timeindex: toHex(timeBytes) }
}

const random = suite('segments against a model')

for (const seed of [1, 2, 3]) {
  random(`every offset is found over rolls and gaps, before and after a reopen (seed ${seed})`, () => {
    const disk = new VirtualDisk()
    const list = newList(newContext(disk))
    const model = new Model(new Random(seed))
    fill(list, model, 250)
    assert.ok(list.all.length > 5, `${list.all.length} segments`)
    assertReads(list, model, 'as written')
    assertSeeks(list, model, 'as written')
    runNow(list.writeIndexes())
    const again = reopened(list, disk)
    assertReads(again, model, 'reopened')
    assertSeeks(again, model, 'reopened')
    fill(again, model, 100)
    assertReads(again, model, 'appended after a reopen')
    assertSeeks(again, model, 'appended after a reopen')
    assert.is(again.sizeBytes, join(model.batches).length)
  })
}

random('the index files are Kafka’s, byte for byte', () => {
  const disk = new VirtualDisk()
  const list = newList(newContext(disk))
  const model = new Model(new Random(7))
  fill(list, model, 200)
  runNow(list.writeIndexes())
  for (const { baseOffset, nextOffset } of list.all) {
    const own = model.batches.filter((each) => each.baseOffset >= baseOffset && each.nextOffset <= nextOffset)
    const wanted = indexReference(own, baseOffset, config.indexIntervalBytes)
    assert.is(toHex(content(disk, path(baseOffset, 'log')) ?? new Uint8Array()), toHex(join(own)))
    assert.is(toHex(content(disk, path(baseOffset, 'index')) ?? new Uint8Array()), wanted.index)
    assert.is(toHex(content(disk, path(baseOffset, 'timeindex')) ?? new Uint8Array()), wanted.timeindex)
  }
})

random('an index continued after a crash is the same as one never interrupted', () => {
  const disk = new VirtualDisk()
  let list = newList(newContext(disk))
  const model = new Model(new Random(8))
  for (let round = 0; round < 12; round++) {
    fill(list, model, 15)
    // Nothing was written: batches alone tell what the indexes were.
    list = reopened(list, disk)
  }
  fill(list, model, 5)
  runNow(list.writeIndexes())
  const { active } = list
  assert.ok(active)
  const own = model.batches.filter((each) => each.baseOffset >= active.baseOffset)
  const wanted = indexReference(own, active.baseOffset, config.indexIntervalBytes)
  assert.is(toHex(content(disk, path(active.baseOffset, 'index')) ?? new Uint8Array()), wanted.index)
  assert.is(toHex(content(disk, path(active.baseOffset, 'timeindex')) ?? new Uint8Array()), wanted.timeindex)
})

random('a released segment loads its indexes again by itself', () => {
  const disk = new VirtualDisk()
  const context = newContext(disk, 2)
  const list = newList(context)
  const model = new Model(new Random(9))
  for (let round = 0; round < 30; round++) {
    fill(list, model, 5)
    assertReads(list, model)
    list.release()
    assert.not.ok(list.all.some(({ logPath }) => context.files.has(logPath)))
  }
  const used = context.kernel.memory.usedBytes
  assertReads(list, model)
  list.release()
  assert.is(context.kernel.memory.usedBytes, used, 'an idle partition holds no kernel memory')
})

random.run()

const hints = suite('index files are hints')

function indexed(): { disk: VirtualDisk; model: Model; list: ReturnType<typeof newList> } {
  const disk = new VirtualDisk()
  const list = newList(newContext(disk), { segmentBytes: 1 << 20, segmentMs: 1e9 })
  const model = new Model(new Random(11))
  fill(list, model, 60)
  runNow(list.writeIndexes())
  return { disk, model, list }
}

hints(
  'missing, emptied, truncated, lengthened or foreign index files change nothing (testIndexRebuild, testCorruptIndexRebuild)',
  () => {
    for (const suffix of ['index', 'timeindex'] as const) {
      const { disk, model, list } = indexed()
      const name = path(0, suffix)
      const whole = content(disk, name) ?? new Uint8Array()
      assert.ok(whole.length > 100, `${whole.length} bytes`)
      const cases: [string, Uint8Array | undefined][] = [
        ['missing', undefined],
        ['emptied', new Uint8Array()],
        ['lengthened', Uint8Array.of(...whole, 1, 2, 3)],
        ['garbage', Uint8Array.from(whole, (byte, at) => byte ^ (at * 37))],
        ['zeros', new Uint8Array(whole.length)],
        ['of the other kind', content(disk, path(0, suffix === 'index' ? 'timeindex' : 'index'))],
      ]
      for (let size = 1; size < whole.length; size += 5) cases.push([`cut to ${size}`, whole.subarray(0, size)])
      for (const [note, bytes] of cases) {
        if (bytes === undefined) disk.remove(name)
        else overwrite(disk, name, bytes)
        const again = reopened(list, disk)
        assertReads(again, model, `${suffix} ${note}`)
        assertSeeks(again, model, `${suffix} ${note}`)
        runNow(again.loadActive())
        runNow(again.writeIndexes())
        assert.is(toHex(content(disk, name) ?? new Uint8Array()), toHex(whole), `${suffix} ${note}: written again`)
      }
    }
  },
)

hints('no flipped bit changes a read or a seek', () => {
  for (const suffix of ['index', 'timeindex'] as const) {
    const { disk, model, list } = indexed()
    const whole = content(disk, path(0, suffix)) ?? new Uint8Array()
    const into = new Uint8Array(300)
    for (let bit = 0; bit < whole.length * 8; bit += 7) {
      const bytes = whole.slice()
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      overwrite(disk, path(0, suffix), bytes)
      const again = reopened(list, disk)
      for (const offset of [0, 40, 77, model.nextOffset - 1]) {
        const count = read(again, offset, into)
        assert.is(toHex(into.subarray(0, count)), toHex(join(model.from(offset)).subarray(0, count)), `bit ${bit}`)
      }
      assertSeeks(again, model, `${suffix} bit ${bit}`)
    }
  }
})

hints('an entry that leads to a wrong place is noticed by the lookup and all entries are learned anew', () => {
  const { disk, model, list } = indexed()
  const facts = list.all[0]?.facts()
  const bytes = content(disk, path(0, 'index')) ?? new Uint8Array()
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < bytes.length; at += 8) view.setInt32(at + 4, view.getInt32(at + 4) - 1 - (at % 3))
  overwrite(disk, path(0, 'index'), bytes)
  assert.ok(facts)
  const context = newContext(disk)
  const checksum = context.kernel.crc32cOf(bytes)
  const lying = { ...facts, offsetIndex: { ...facts.offsetIndex, checksum } }
  const again = reopened({ all: [{ facts: () => lying }] }, disk)
  assertReads(again, model)
})

hints('grown index files are written in between, and a full disk is no failure of them', () => {
  const disk = new VirtualDisk()
  const list = newList(newContext(disk), { segmentBytes: 1 << 24, segmentMs: 1e9, indexIntervalBytes: 0 })
  const model = new Model(new Random(12))
  fill(list, model, 200)
  assert.is(runNow(list.writeGrownIndexes()), false, 'not yet')
  fill(list, model, 100)
  disk.freeBytes = 100
  assert.is(runNow(list.writeGrownIndexes()), false, 'a full disk')
  disk.freeBytes = 1e6
  assert.is(runNow(list.writeGrownIndexes()), true)
  assert.is(runNow(list.writeGrownIndexes()), false, 'written')
  const noted = reopened(list, disk, { segmentBytes: 1 << 24, segmentMs: 1e9, indexIntervalBytes: 0 })
  fill(noted, model, 20)
  assertReads(noted, model)
})

hints.run()
