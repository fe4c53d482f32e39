// Big-endian fields of the log's own files: what is written comes back, and what can't have been written is damage with
// its place.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ByteReader } from '../../../bindings/log/bytes/byte-reader.ts'
import { ByteWriter } from '../../../bindings/log/bytes/byte-writer.ts'
import { LogError } from '../../../bindings/model/errors.ts'

const FILE = 'journal/header'

function written(write: (writer: ByteWriter) => void, initialBytes?: number): ByteReader {
  const writer = new ByteWriter(initialBytes)
  write(writer)
  return new ByteReader(writer.bytes, FILE)
}

function damaged(bytes: readonly number[], position: number, read: (reader: ByteReader) => unknown): void {
  const reader = new ByteReader(Uint8Array.from(bytes), FILE, 100)
  try {
    read(reader)
  } catch (error) {
    assert.ok(LogError.is(error, 'CORRUPT_LOG'))
    assert.equal((error as LogError).details, { file: FILE, position })
    return
  }
  assert.unreachable('it was read')
}

test('numbers of every width come back', () => {
  const numbers = [0, 1, 255, 65_535, 2 ** 31, 2 ** 32 - 1]
  const reader = written((writer) => {
    for (const number of numbers) writer.uint32(number)
    for (const number of [-1, 0, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) writer.int64(number)
    writer.uint8(255)
    writer.uint16(65_535)
  })
  for (const number of numbers) assert.is(reader.uint32(), number)
  for (const number of [-1, 0, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
    assert.is(reader.int64(), number)
  }
  assert.equal([reader.uint8(), reader.uint16()], [255, 65_535])
  reader.end()
})

test('text comes back, whether it is ASCII or not', () => {
  const texts = ['', 'payments', 'Zürich', '日本', '🎈', 'a'.repeat(65_535)]
  const reader = written((writer) => {
    for (const text of texts) writer.text(text)
  })
  for (const text of texts) assert.is(reader.text(), text)
  reader.end()
})

test('a writer grows as it is written', () => {
  const reader = written((writer) => {
    for (let index = 0; index < 1000; index++) writer.uint32(index)
  }, 1)
  for (let index = 0; index < 1000; index++) assert.is(reader.uint32(), index)
})

test('a field that ends past the bytes is damage, at the place where it begins', () => {
  damaged([0, 0, 0], 100, (reader) => reader.uint32())
  damaged([7, 0, 0, 0, 0], 101, (reader) => [reader.uint8(), reader.int64()])
  damaged([0, 9, 97], 102, (reader) => reader.text())
})

test('bytes that follow the last field are damage', () => {
  damaged([1, 2], 101, (reader) => {
    reader.uint8()
    reader.end()
  })
})

test('a number beyond 2^53, a flag that is neither 0 nor 1, and text that is no UTF-8 are damage', () => {
  damaged([0, 0x20, 0, 0, 0, 0, 0, 1], 108, (reader) => reader.int64())
  damaged([2], 101, (reader) => reader.flag())
  damaged([0, 1, 0xff], 103, (reader) => reader.text())
})

test.run()
