// What a client compresses is what the kernel would have written, to the byte.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeRecords } from '../../bindings/client/producer/compress-records.ts'
import { checkRecord } from '../../bindings/client/producer/validate-record.ts'
import { encodeReference } from '../kernel/reference.ts'
import { noProducer, type Random, seeded } from '../kernel/support.ts'

const texts = ['', 'a', 'ä', '漢字', '🙂', 'x'.repeat(63), 'y'.repeat(64), 'é'.repeat(500)]

function field(random: Random): string | Uint8Array | null {
  if (random.chance(0.2)) return null
  return random.chance(0.5) ? random.pick(texts) : random.bytes(random.pick([0, 1, 63, 64, 300, 2000]))
}

function bytesOf(value: string | Uint8Array | null): Uint8Array | null {
  return typeof value === 'string' ? new TextEncoder().encode(value) : value
}

test(
  'every kind of field, time and count',
  seeded(51, (random) => {
    const now = 1_700_000_000_123
    for (let round = 0; round < 60; round++) {
      const times = random.chance(0.2)
        ? [0, 2 ** 53 - 1, 2 ** 52, 1]
        : [now, now - 64, now + 63, now + 8192, now - 2 ** 33]
      const given = Array.from({ length: 1 + random.below(round % 50 === 0 ? 300 : 9) }, (_, index) => {
        const headers = Array.from({ length: random.below(3) }, () => [random.pick(texts), field(random)] as const)
        const timestamp = random.chance(0.3) ? undefined : random.pick(times)
        return checkRecord({ topic: 't', key: field(random), value: field(random), timestamp, headers }, index)
      })
      const reference = given.map(({ key, value, timestamp = now, headers = [] }) => ({
        key: bytesOf(key),
        value: bytesOf(value),
        timestamp,
        headers: headers.map(([name, header]) => [name, bytesOf(header)] as const),
      }))
      assert.equal(
        Buffer.from(encodeRecords(given, now)),
        Buffer.from(encodeReference(reference, noProducer).subarray(61)),
      )
    }
  }),
)

test.run()
