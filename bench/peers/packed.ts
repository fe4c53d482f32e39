import type { BenchRecord, Visit } from '../harness/peer.ts'

/** Key and value as one binary value, for stores that keep one: a byte with the key's length, key, value. */
export function packRecords(records: readonly BenchRecord[], packed: Buffer[]): void {
  let bytes = 0
  for (const record of records) bytes += 1 + record.key.length + record.value.length
  const block = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  for (let index = 0; index < records.length; index++) {
    const { key, value } = records[index] as BenchRecord
    const start = at
    block[at++] = key.length
    block.set(key, at)
    at += key.length
    block.set(value, at)
    at += value.length
    packed[index] = block.subarray(start, at)
  }
  packed.length = records.length
}

export function visitPacked(packed: Uint8Array, visit: Visit): void {
  const valueAt = 1 + (packed[0] as number)
  visit(packed.subarray(1, valueAt), packed.subarray(valueAt))
}
