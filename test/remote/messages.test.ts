// What two processes say to each other comes out as it went in, and what is cut short or made up is refused by name.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FetchedPartition, WholeBatch } from '../../bindings/broker/reader-session.ts'
import { readError, writeError } from '../../bindings/engine/remote/errors.ts'
import { readFetched, writeFetched } from '../../bindings/engine/remote/fetched-list.ts'
import { joinPieces } from '../../bindings/engine/remote/message-pieces.ts'
import { MessageReader } from '../../bindings/engine/remote/message-reader.ts'
import { MessageWriter } from '../../bindings/engine/remote/message-writer.ts'
import { readRecords, writeRecords } from '../../bindings/engine/remote/record-list.ts'
import { readValue, writeValue } from '../../bindings/engine/remote/values.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { type GivenRecord, wholeBatch } from '../client/whole-batch.ts'
import { codeOf } from '../log/catalogue/fixtures.ts'
import { randomOf } from '../log/catalogue/random.ts'

const bytes = (text: string) => new Uint8Array(new TextEncoder().encode(text))

function written(write: (writer: MessageWriter) => void): Uint8Array<ArrayBuffer> {
  const writer = new MessageWriter(1)
  write(writer)
  return joinPieces(writer.finish())
}

test('plain data of any shape comes back as it was', () => {
  const values = [
    ...[undefined, null, true, false, 0, -0, 1.5, 2 ** 53 - 1, Number.POSITIVE_INFINITY, '', 'ä\u0000🙂', bytes('x')],
    [[], {}, [undefined, [null, { a: [1] }]]],
    { topic: 't', nested: { list: [1, 'two', undefined] }, __proto__x: 1 },
    ['\ud800', 'a\udc00\u0000🙂', '\udc00\ud800'],
  ]
  for (const value of values) {
    const reader = new MessageReader(written((writer) => writeValue(writer, value)))
    assert.equal(readValue(reader), value)
    reader.end()
  }
  const hostile = JSON.parse('{"__proto__": {"polluted": 1}}')
  const read = readValue(new MessageReader(written((writer) => writeValue(writer, hostile))))
  assert.ok(Object.hasOwn(read as object, '__proto__') || Object.keys(read as object).length === 0)
  assert.is(({} as { polluted?: number }).polluted, undefined)
})

test('records, with what each may leave out', () => {
  const records = [
    { key: bytes('k'), value: bytes('v'), timestamp: 7, headers: [['h', bytes('x')] as const, ['h', null] as const] },
    { key: null, value: null, timestamp: undefined, headers: undefined },
    { key: bytes(''), value: bytes('ä'.repeat(300)), timestamp: 0, headers: undefined },
  ]
  const message = written((writer) => writeRecords(writer, records))
  assert.equal(readRecords(new MessageReader(message)), records)
  const texts = written((writer) => writeRecords(writer, [records[0]!, { ...records[1]!, key: 'k', value: 'ä' }]))
  assert.equal(readRecords(new MessageReader(texts)), [
    records[0],
    { ...records[1], key: bytes('k'), value: bytes('ä') },
  ])
})

test('records without headers and times of their own come out packed', () => {
  const random = randomOf(3)
  const field = () => {
    const text = 'xä🙂'.repeat(random.below(4) * random.below(40))
    return random.pick([null, text, bytes(text)])
  }
  for (let round = 0; round < 100; round++) {
    const records = Array.from({ length: 1 + random.below(20) }, () => {
      return { key: field(), value: field(), timestamp: undefined, headers: undefined }
    })
    const reader = new MessageReader(written((writer) => writeRecords(writer, records)))
    const read = readRecords(reader)
    reader.end()
    const fields = records.flatMap(({ key, value }) => [key, value])
    const payload = Buffer.concat(fields.map((each) => Buffer.from(each ?? '')))
    const lengths = Int32Array.from(fields, (each) => (each === null ? -1 : Buffer.from(each).length))
    assert.equal(read, { payload: new Uint8Array(payload), lengths })
  }
})

test('packed records, whole or not at all', () => {
  const records = { payload: bytes('keyvalue'), lengths: Int32Array.from([3, 5, -1, -1, 0, 0]) }
  const message = written((writer) => writeRecords(writer, records))
  assert.equal(readRecords(new MessageReader(message)), records)
  for (let length = 0; length < message.length; length++) {
    assert.is(
      codeOf(() => readRecords(new MessageReader(message.slice(0, length)))),
      'NETWORK_EXCEPTION',
      `${length}`,
    )
  }
  for (const lengths of [[], [3, 4], [3, 6], [8, -2], [2 ** 31 - 1, 2 ** 31 - 1]]) {
    const odd = written((writer) => writeRecords(writer, { ...records, lengths: Int32Array.from(lengths) }))
    assert.is(
      codeOf(() => readRecords(new MessageReader(odd))),
      'NETWORK_EXCEPTION',
      `${lengths}`,
    )
  }
})

test('compressed records, whole or not at all', () => {
  const records = {
    compression: 'lz4',
    bytes: bytes('blob'),
    recordCount: 3,
    baseTimestamp: 7,
    maxTimestamp: 9,
  } as const
  const message = written((writer) => writeRecords(writer, records))
  assert.equal(readRecords(new MessageReader(message)), records)
  const refused = (error: unknown) => LogError.is(error, 'NETWORK_EXCEPTION')
  for (let length = 0; length < message.length; length++) {
    assert.throws(() => readRecords(new MessageReader(message.slice(0, length))), refused)
  }
  for (const wrong of [{ recordCount: 0 }, { recordCount: -5 }, { baseTimestamp: 0.5 }, { maxTimestamp: Number.NaN }]) {
    const sent = written((writer) => writeRecords(writer, { ...records, ...wrong }))
    assert.throws(() => readRecords(new MessageReader(sent)), refused)
  }
})

const place = { topic: 't', partition: 1, nextOffset: 15, logStartOffset: 2, endOffset: 99 }

test('fetched batches and errors of partitions', () => {
  const error = new LogError('OFFSET_OUT_OF_RANGE', 'gone', { topic: 't', offset: 3 })
  const record = { key: null, value: bytes('v'), timestamp: 100, headers: [] }
  const parts: FetchedPartition[] = [
    { ...place, batches: [wholeBatch(10, 15, [record])], error: undefined },
    { ...place, batches: [], error },
  ]
  const [first, second] = readFetched(new MessageReader(written((writer) => writeFetched(writer, parts))))
  assert.is(first?.batches[0]?.nextOffset, 15)
  assert.equal({ ...first, batches: [] }, { ...parts[0], batches: [] })
  assert.ok(LogError.is(second?.error, 'OFFSET_OUT_OF_RANGE'))
  assert.equal(second?.error.details, error.details)
})

/** Batches of all kinds: more records than the kernel lays out at once, offsets that compaction left out, no record. */
function* randomBatches(): Generator<readonly [baseOffset: number, records: readonly Required<GivenRecord>[]]> {
  const random = randomOf(5)
  const field = () => random.pick([null, new Uint8Array(), bytes('xä🙂'.repeat(random.below(40)))])
  for (const count of [0, 1, 2, 7, 1023, 1024, 1025, 3000]) {
    let offsetDelta = -1
    const records = Array.from({ length: count }, () => {
      offsetDelta += 1 + random.below(2) * random.below(50)
      const headers = Array.from({ length: random.below(3) }, () => [random.pick(['', 'ä', 'name']), field()] as const)
      const timestamp = random.pick([0, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 1_764_000_000_000, 2 ** 53 - 1])
      return { key: field(), value: field(), timestamp, headers, offsetDelta }
    })
    yield [random.pick([0, 2 ** 40]), records]
  }
}

test('each record of a fetched batch is what it was in the holder', () => {
  for (const [baseOffset, records] of randomBatches()) {
    const batch = wholeBatch(baseOffset, baseOffset + 200_000, records)
    // One after the other, so that each begins where the one before has ended.
    const parts = [{ ...place, batches: [batch, batch, batch], error: undefined }]
    const reader = new MessageReader(written((writer) => writeFetched(writer, parts)))
    const [part] = readFetched(reader)
    reader.end()
    for (const read of part?.batches ?? []) {
      assert.equal([read.baseOffset, read.nextOffset], [batch.baseOffset, batch.nextOffset])
      const back = Array.from({ length: read.recordCount }, (_, index) => ({
        key: read.keyOf(index),
        value: read.valueOf(index),
        timestamp: read.timestampOf(index),
        headers: read.headersOf(index),
        offsetDelta: read.offsetOf(index) - baseOffset,
      }))
      assert.equal(back, records)
      assert.is(
        codeOf(() => read.keyOf(records.length)),
        'INVALID_REQUEST',
      )
    }
    assert.is(part?.batches.length, 3)
  }
})

/** The batch as a holder would send it whose table and bytes were changed. */
function messageOfTorn(batch: WholeBatch, change: (packed: Uint8Array<ArrayBuffer>) => void): Uint8Array<ArrayBuffer> {
  const { recordCount, plainBytes } = batch
  const torn: WholeBatch = Object.create(batch, {
    recordCount: { value: recordCount },
    plainBytes: { value: plainBytes },
    pack: {
      value(words: Int32Array<ArrayBuffer>, at: number) {
        batch.pack(words, at)
        change(new Uint8Array(words.buffer, words.byteOffset + at * 4, recordCount * 32 + plainBytes))
      },
    },
  })
  return written((writer) => writeFetched(writer, [{ ...place, batches: [torn], error: undefined }]))
}

test('a fetched batch whose table leads out of its bytes is refused', () => {
  const record = { key: bytes('key'), value: bytes('value'), timestamp: 1, headers: [] }
  const batch = wholeBatch(0, 1, [record])
  for (const [word, wrong] of [
    [0, -1],
    [0, 10],
    [1, 10],
    [1, -2],
    [2, -1],
    [2, 10],
    [3, 7],
    [3, -2],
  ] as const) {
    const change = (packed: Uint8Array<ArrayBuffer>) =>
      new DataView(packed.buffer, packed.byteOffset).setInt32(word * 4, wrong, true)
    const message = messageOfTorn(batch, change)
    assert.is(
      codeOf(() => readFetched(new MessageReader(message))),
      'NETWORK_EXCEPTION',
      `word ${word}: ${wrong}`,
    )
  }
})

test('a fetched batch whose headers or offsets lie outside of it is refused, at once', () => {
  const record = { key: bytes('key'), value: bytes('value'), timestamp: 1, headers: [['h', bytes('x')] as const] }
  const batch = wholeBatch(0, 2, [record, record])
  // Behind key, value and the count of headers: the lengths of the first one's name and value, zigzag.
  const name = 2 * 32 + 'keyvalue'.length + 1
  const byteOf = (at: number, put: number) => (packed: Uint8Array) => packed.fill(put, at, at + 1)
  const wordOf = (word: number, put: number) => (packed: Uint8Array) => {
    new DataView(packed.buffer, packed.byteOffset).setInt32(word * 4, put, true)
  }
  const lies = {
    'a name past the end': byteOf(name, 2 * 63),
    'a name of less than nothing': byteOf(name, 1),
    'a value past the end': byteOf(name + 2, 2 * 63),
    'more headers than there are': wordOf(5, 40),
    'fewer headers than none': wordOf(5, -1),
    'an offset past the batch': wordOf(8 + 4, 2),
    'an offset twice': wordOf(8 + 4, 0),
    'an offset before the batch': wordOf(4, -1),
  }
  for (const [lie, change] of Object.entries(lies)) {
    const message = messageOfTorn(batch, change)
    assert.is(
      codeOf(() => readFetched(new MessageReader(message))),
      'NETWORK_EXCEPTION',
      lie,
    )
  }
})

test('fetched batches that are cut short are refused', () => {
  const record = { key: bytes('key'), value: bytes('value'), timestamp: 1, headers: [['h', null] as const] }
  const parts = [{ ...place, batches: [wholeBatch(0, 2, [record, record])], error: undefined }]
  const message = written((writer) => writeFetched(writer, parts))
  for (let length = 0; length < message.length; length++) {
    assert.is(
      codeOf(() => readFetched(new MessageReader(message.slice(0, length)))),
      'NETWORK_EXCEPTION',
    )
  }
})

test('errors keep code, message and place; what is no LogError is a fault of the log', () => {
  const back = (error: unknown) => readError(new MessageReader(written((writer) => writeError(writer, error))))
  const error = back(new LogError('ILLEGAL_GENERATION', 'moved on', { groupId: 'g', generation: 3 }))
  assert.equal(
    [error.code, error.message, error.details],
    ['ILLEGAL_GENERATION', 'moved on', { groupId: 'g', generation: 3 }],
  )
  assert.is(back(new TypeError('x is undefined')).code, 'UNKNOWN_SERVER_ERROR')
})

test('a message that is cut anywhere, or is noise, is refused and asks for no memory', () => {
  const records = Array.from({ length: 5 }, (_, index) => {
    return { key: bytes(`k${index}`), value: bytes('v'), timestamp: 1, headers: [['h', null] as const] }
  })
  const message = written((writer) => writeRecords(writer, records))
  for (let length = 0; length < message.length; length++) {
    assert.is(
      codeOf(() => readRecords(new MessageReader(message.slice(0, length)))),
      'NETWORK_EXCEPTION',
    )
  }
  const random = randomOf(3)
  for (let round = 0; round < 20_000; round++) {
    const noise = Uint8Array.from({ length: random.below(60) }, () => random.below(256))
    for (const read of [readRecords, readFetched, readValue, readError]) {
      const code = codeOf(() => read(new MessageReader(noise)))
      assert.ok(code === undefined || code === 'NETWORK_EXCEPTION', String(code))
    }
  }
})

test.run()
