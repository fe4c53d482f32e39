import type { Kernel } from '../../kernel/kernel.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'
import { chainHeader, UNCHECKED_BYTES } from '../segment/header-checksum.ts'

const HEAD_BITS = UNCHECKED_BYTES * 8
const CHECKSUM_BITS = 32
/** Batches that one turn of the event loop looks at. */
const TURN_BATCHES = 64 * 1024

/**
 * Which batch of a segment has one flipped bit among the bytes that its CRC leaves out, if the running checksum over
 * their heads is off by `difference`; `undefined` if no single bit explains it. CRC-32C is linear: what a flipped bit
 * does to the checksum of its own step depends on nothing else, and what later steps make of it can be undone. So the
 * batches are tried from the last one on.
 */
export function* flippedHead(kernel: Kernel, difference: number, batchCount: number): Task<number | undefined> {
  const nothing = new Uint8Array(UNCHECKED_BYTES)
  const ofNothing = chainHeader(kernel, 0, nothing)
  const changeBy = (checksum: number, head: Uint8Array) => (chainHeader(kernel, checksum, head) ^ ofNothing) >>> 0
  const byBit = new Set(Array.from({ length: HEAD_BITS }, (_, bit) => changeBy(0, headWith(bit))))
  const stepBack = inverse(Array.from({ length: CHECKSUM_BITS }, (_, bit) => changeBy((1 << bit) >>> 0, nothing)))
  let change = difference >>> 0
  for (let index = batchCount - 1; index >= 0; index--) {
    if (byBit.has(change)) return index
    change = applied(stepBack, change)
    if (index % TURN_BATCHES === 0) yield* letOthersRun()
  }
  return undefined
}

function headWith(bit: number): Uint8Array {
  const head = new Uint8Array(UNCHECKED_BYTES)
  head[bit >> 3] = 1 << (bit & 7)
  return head
}

/** Inverts a linear map of 32 bits, given by what each bit becomes. */
function inverse(images: readonly number[]): readonly number[] {
  const rows = images.map((image, bit) => ({ image, origin: 1 << bit }))
  for (let bit = 0; bit < CHECKSUM_BITS; bit++) {
    const found = rows.findIndex(({ image }, index) => index >= bit && ((image >>> bit) & 1) === 1)
    const pivot = rows[found]
    if (pivot === undefined) continue
    rows.splice(found, 1)
    rows.splice(bit, 0, pivot)
    for (const row of rows) {
      if (row === pivot || ((row.image >>> bit) & 1) === 0) continue
      row.image ^= pivot.image
      row.origin ^= pivot.origin
    }
  }
  return rows.map(({ origin }) => origin)
}

function applied(images: readonly number[], value: number): number {
  let result = 0
  for (let bit = 0; bit < CHECKSUM_BITS; bit++) if (((value >>> bit) & 1) === 1) result ^= images[bit] ?? 0
  return result >>> 0
}
