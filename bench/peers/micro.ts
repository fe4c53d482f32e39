import { crc32c } from '@node-rs/crc32'
import { makeRecords } from '../harness/records.ts'
import { median } from '../harness/statistics.ts'
import { type Deduplication, ObjectMapDeduplication, RowMapDeduplication } from './deduplication-map.ts'
import { TypedArrayIndex } from './index-search.ts'
import { PlainBatchEncoder } from './record-batch.ts'

// Checks that the rivals of the kernel are right, and tells which form of each is the faster on this machine.

const SAMPLES = 15

/** Median nanoseconds of one call over samples of about 20 ms, after as long a warm-up. */
function measure(label: string, call: (turn: number) => unknown): void {
  let calls = 1
  for (;;) {
    const started = performance.now()
    for (let turn = 0; turn < calls; turn++) call(turn)
    if (performance.now() - started > 20) break
    calls *= 2
  }
  const took: number[] = []
  for (let sample = 0; sample < SAMPLES; sample++) {
    const started = performance.now()
    for (let turn = 0; turn < calls; turn++) call(turn)
    took.push(((performance.now() - started) / calls) * 1e6)
  }
  process.stdout.write(`${label.padEnd(44)}${median(took).toFixed(1).padStart(12)} ns\n`)
}

function check(right: boolean, what: string): void {
  if (!right) throw new Error(`wrong: ${what}`)
}

function encoders(): void {
  const stamp = {
    baseOffset: 5_000_000_000,
    timestamp: 1_700_000_000_123,
    producerId: 7,
    producerEpoch: 1,
    baseSequence: 3,
  }
  for (const [count, valueBytes] of [
    [1, 100],
    [100, 100],
    [100, 1024],
  ] as const) {
    const records = makeRecords(count, valueBytes)
    const encoder = new PlainBatchEncoder(8 * 1024 * 1024)
    const length = encoder.encode(records, stamp)
    const batch = encoder.bytes.subarray(encoder.start, encoder.start + length)
    check(batch.readBigInt64BE(0) === 5_000_000_000n && batch.readInt32BE(8) === length - 12, 'offset or length')
    check(batch.readBigInt64BE(27) === 1_700_000_000_123n && batch.readBigInt64BE(43) === 7n, 'timestamp or producer')
    check(batch.readUInt32BE(17) === crc32c(batch.subarray(21)), 'CRC')
    measure(`record batch, ${count} x ${valueBytes} B`, () => encoder.encode(records, stamp))
    const first = records[0]
    if (count === 1 && first !== undefined) {
      measure(`record batch, one record of ${valueBytes} B`, () => encoder.encodeOne(first, stamp))
    }
  }
}

function search(): void {
  const entries = 100_000
  const index = new TypedArrayIndex(entries)
  for (let entry = 0; entry < entries; entry++) index.append(entry * 37 + 5, entry * 4096)
  const wanted = Int32Array.from({ length: 65_536 }, (_, at) => Math.imul(at, 2_654_435_761) >>> 9).map(
    (offset) => offset % (entries * 37),
  )
  for (const offset of wanted) check(index.lookup(offset) === index.lookupHalving(offset), `lookup of ${offset}`)
  check(index.lookup(4) === 0 && index.lookup(5 + 37 * 9 + 36) === 9 * 4096, 'lookup at the borders')
  measure('index of 1e5, binary search', (turn) => index.lookup(wanted[turn & 65_535] as number))
  measure('index of 1e5, halving', (turn) => index.lookupHalving(wanted[turn & 65_535] as number))
}

function deduplication(): void {
  for (const producers of [1000, 1_000_000]) {
    const forms: readonly (readonly [string, () => Deduplication])[] = [
      ['objects', () => new ObjectMapDeduplication()],
      ['rows', () => new RowMapDeduplication()],
    ]
    for (const [name, make] of forms) {
      const window = make()
      check(window.check(-1, 0, 0, 5, 40) === -1 && window.check(-1, 0, 0, 5, 99) === 40, 'a duplicate')
      check(window.check(-1, 0, 6, 5, 50) === -2 && window.check(-1, 0, 5, 5, 50) === -1, 'the order')
      const next = new Int32Array(producers)
      for (let producer = 0; producer < producers; producer++) window.check(producer, 0, 0, 1, 0)
      next.fill(1)
      measure(`de-duplication, ${producers} producers, ${name}`, (turn) => {
        const producer = (Math.imul(turn, 2_654_435_761) >>> 0) % producers
        const sequence = next[producer] as number
        next[producer] = sequence + 1
        return window.check(producer, 0, sequence, 1, turn)
      })
    }
  }
}

encoders()
search()
deduplication()
