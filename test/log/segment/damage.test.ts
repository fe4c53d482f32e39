import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { SegmentList } from '../../../bindings/log/segment/segment-list.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { VirtualDisk } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import { Random, toHex } from '../../kernel/support.ts'
import { runNow } from '../support.ts'
import { assertReads, content, errorOf, fill, Model, overwrite, path } from './model.ts'
import { append, newContext, newList, read, reopened } from './support.ts'

const damage = suite('damage of what no CRC covers')

damage('a flipped base offset is never delivered as another: the read says where', () => {
  const disk = new VirtualDisk()
  const list = newList(newContext(disk), { segmentBytes: 1 << 20, segmentMs: 1e9 })
  const model = new Model(new Random(21))
  for (let index = 0; index < 12; index++) model.took(append(list, model.next(false)))
  runNow(list.writeIndexes())
  const whole = content(disk, path(0, 'log')) ?? new Uint8Array()
  const offsetOf = (bytes: Uint8Array) => Number(new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0))
  let position = 0
  for (const batch of model.batches) {
    for (let bit = 0; bit < 64; bit++) {
      const bytes = whole.slice()
      const at = position + (bit >> 3)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7))
      overwrite(disk, path(0, 'log'), bytes)
      for (const offset of [batch.baseOffset, batch.nextOffset - 1]) {
        const again = reopened(list, disk, { segmentBytes: 1 << 20, segmentMs: 1e9 })
        const into = new Uint8Array(400)
        let count = 0
        const error = errorOf(() => {
          count = read(again, offset, into)
        })
        const note = `bit ${bit} of the batch at ${batch.baseOffset}, read at ${offset}`
        const first = errorOf(() => assertTrue(again, whole.length, whole, note))
        assert.ok(first === undefined || first.code === 'CORRUPT_MESSAGE', note)
        if (error !== undefined) {
          assert.is(error.code, 'CORRUPT_MESSAGE', note)
          assert.is(error.details['file'], path(0, 'log'), note)
        } else {
          // Beyond 2^53 or negative: no batch at all, and the reader's check says so of these bytes.
          assert.ok(count > 0 && !model.batches.some((each) => each.baseOffset === offsetOf(into)), note)
          assert.ok(offsetOf(into) < 0 || !Number.isSafeInteger(offsetOf(into)), note)
        }
      }
    }
    position += batch.bytes.length
  }
})

/** What a large read from the start delivers before the damage is what was written. */
function assertTrue(list: SegmentList, sizeBytes: number, whole: Uint8Array, note: string): void {
  const into = new Uint8Array(sizeBytes)
  const count = read(list, 0, into)
  const offset = Number(new DataView(into.buffer).getBigInt64(0))
  // Bytes that are no batch are handed over for the reader's check to name.
  if (Number.isSafeInteger(offset) && offset >= 0)
    assert.is(toHex(into.subarray(0, count)), toHex(whole.subarray(0, count)), note)
}

damage('a flipped base offset of a log’s only batch too', () => {
  const disk = new VirtualDisk()
  const list = newList(newContext(disk))
  append(list, { baseOffset: 0, recordCount: 3 })
  const whole = content(disk, path(0, 'log')) ?? new Uint8Array()
  for (let bit = 0; bit < 53; bit++) {
    const bytes = whole.slice()
    new DataView(bytes.buffer).setBigInt64(0, 1n << BigInt(bit))
    overwrite(disk, path(0, 'log'), bytes)
    const error = errorOf(() => read(reopened(list, disk), 0, new Uint8Array(500)))
    assert.is(error?.code, 'CORRUPT_MESSAGE', `bit ${bit}`)
  }
})

damage('a base offset that only the second look shows flipped isn’t delivered either', () => {
  const disk = new VirtualDisk()
  const list = newList(newContext(disk))
  for (let index = 0; index < 3; index++) append(list, { baseOffset: 2 * index, recordCount: 2 })
  const file = list.active?.file
  assert.ok(file)
  const whenWell = file.read.bind(file)
  for (const bit of [0, 1, 2, 40, 52]) {
    let looks = 0
    file.read = (into, position) => {
      const count = whenWell(into, position)
      const at = 7 - (bit >> 3)
      if (++looks === 2) into[at] = (into[at] ?? 0) ^ (1 << (bit & 7))
      return count
    }
    assert.is(errorOf(() => list.read(0, new Uint8Array(500)))?.code, 'CORRUPT_MESSAGE', `bit ${bit}`)
    assert.is(looks, 2)
  }
  file.read = whenWell
  assert.ok((list.read(0, new Uint8Array(500)) ?? 0) > 0)
})

damage('a file that is shorter than what was placed gives a typed error', () => {
  const disk = new VirtualDisk()
  const list = newList(newContext(disk), { segmentBytes: 1 << 20, segmentMs: 1e9 })
  const model = new Model(new Random(22))
  for (let index = 0; index < 12; index++) model.took(append(list, model.next(false)))
  const whole = content(disk, path(0, 'log')) ?? new Uint8Array()
  for (let size = 0; size < whole.length; size += 13) {
    overwrite(disk, path(0, 'log'), whole.subarray(0, size))
    const again = reopened(list, disk)
    const into = new Uint8Array(whole.length)
    const lastOffset = model.nextOffset - 1
    let count = 0
    const error = errorOf(() => {
      count = read(again, lastOffset, into)
    })
    // Part of a batch is handed over for the reader's check to name; nothing at all is an error of its own.
    if (error === undefined) assert.ok(count > 0 && count < whole.length, `${count} of ${size}`)
    else assert.is(error.code, 'CORRUPT_MESSAGE')
  }
})

damage.run()

const failures = suite('failed writes')

failures('a full disk at every byte leaves the segment as it was, and the batch fits later', () => {
  const disk = new VirtualDisk()
  const list = newList(newContext(disk), { segmentBytes: 1 << 20, segmentMs: 1e9 })
  const model = new Model(new Random(31))
  fill(list, model, 20)
  const before = JSON.stringify(list.active?.facts())
  const size = content(disk, path(0, 'log'))?.length
  const wish = model.next()
  for (let free = 0; free < 70; free += 3) {
    disk.freeBytes = free
    assert.is(errorOf(() => append(list, wish))?.code, 'STORAGE_FULL', `${free} bytes free`)
    assert.is(JSON.stringify(list.active?.facts()), before)
    disk.freeBytes = 1e6
    assert.is(content(disk, path(0, 'log'))?.length, size)
  }
  model.took(append(list, wish))
  assertReads(list, model)
})

failures('what recovery hasn’t looked at yet stays, whatever fails', () => {
  const disk = new VirtualDisk()
  const list = newList(newContext(disk), { segmentBytes: 1 << 20, segmentMs: 1e9 })
  const model = new Model(new Random(32))
  fill(list, model, 5)
  const facts = list.active?.facts()
  assert.ok(facts)
  const first = append(list, model.next(false))
  append(list, { baseOffset: first.nextOffset, timestamp: 1 })
  const whole = toHex(content(disk, path(0, 'log')) ?? new Uint8Array())
  const recovering = reopened({ all: [{ facts: () => facts }] }, disk)
  runNow(recovering.load(facts.nextOffset))
  const file = recovering.active?.file
  assert.ok(file)
  const whenWell = file.write.bind(file)
  file.write = () => {
    throw new LogError('KAFKA_STORAGE_ERROR', 'a write failed')
  }
  assert.is(errorOf(() => recovering.place(first))?.code, 'KAFKA_STORAGE_ERROR')
  file.write = whenWell
  assert.is(toHex(content(disk, path(0, 'log')) ?? new Uint8Array()), whole)
  recovering.place(first)
  assert.is(toHex(content(disk, path(0, 'log')) ?? new Uint8Array()), whole)
})

failures.run()
