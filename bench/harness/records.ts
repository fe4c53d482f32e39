import type { BenchRecord } from './peer.ts'

const KEY_BYTES = 16
const FILLER = 'the quick brown fox jumps over the lazy dog, and '

/** xorshift32: small, fast, and the same on every run. */
function randomSource(seed: number): () => number {
  let state = seed | 0 || 1
  return (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/** Records with 16 B keys and ASCII values of which 60 % of the bytes are random, the rest running text. */
export function makeRecords(count: number, valueBytes: number, seed: number = 20_251): BenchRecord[] {
  const random = randomSource(seed)
  const records: BenchRecord[] = []
  for (let index = 0; index < count; index++) {
    const key = Buffer.from(`key-${String(random() % 1e9).padStart(KEY_BYTES - 4, '0')}`, 'latin1')
    const value = Buffer.allocUnsafeSlow(valueBytes)
    for (let at = 0; at < valueBytes; at++) {
      value[at] = random() % 10 < 6 ? 32 + (random() % 95) : FILLER.charCodeAt(at % FILLER.length)
    }
    records.push({ key, value })
  }
  return records
}

/**
 * Batches cut from one pool: enough different bytes that no store sees a batch twice in a row, made before the clock.
 */
export function makeBatches(
  batchSize: number,
  valueBytes: number,
  poolBytes: number = 8 * 1024 * 1024,
): readonly (readonly BenchRecord[])[] {
  const batches = Math.max(4, Math.min(64, Math.floor(poolBytes / (batchSize * (valueBytes + KEY_BYTES)))))
  const pool = makeRecords(batches * batchSize, valueBytes)
  return Array.from({ length: batches }, (_, index) => pool.slice(index * batchSize, (index + 1) * batchSize))
}

export function payloadBytes(records: number, valueBytes: number): number {
  return records * (KEY_BYTES + valueBytes)
}

export function seededShuffle<T>(items: readonly T[], seed: number): T[] {
  const random = randomSource(seed)
  for (let warm = 0; warm < 8; warm++) random()
  const shuffled = [...items]
  for (let index = shuffled.length - 1; index > 0; index--) {
    const other = random() % (index + 1)
    const held = shuffled[index] as T
    shuffled[index] = shuffled[other] as T
    shuffled[other] = held
  }
  return shuffled
}
