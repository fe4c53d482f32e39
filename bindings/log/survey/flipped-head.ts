import type { Kernel } from '../../kernel/kernel.ts'
import { letOthersRun, type Task } from '../../storage/effect.ts'
import { chainHeader, UNCHECKED_BYTES } from '../segment/header-checksum.ts'

const BITS = UNCHECKED_BYTES * 8
/** Others run after so many batches. */
const TURN_BATCHES = 512

/**
 * Which batch of a segment has one flipped bit in what its CRC leaves out, when the running checksum over their heads is off by
 * `difference`; `undefined` if no single bit explains it. CRC-32C is linear: what a flipped bit does to the checksum of its own step depends on
 * nothing else, nor does what each further step makes of it. So the batches are tried from the last one back.
 */
export function* flippedHead(kernel: Kernel, difference: number, batchCount: number): Task<number | undefined> {
  const nothing = new Uint8Array(UNCHECKED_BYTES)
  const ofNothing = chainHeader(kernel, 0, nothing)
  const further = (delta: number) => (chainHeader(kernel, delta, nothing) ^ ofNothing) >>> 0
  const wanted = difference >>> 0
  let deltas = Array.from({ length: BITS }, (_, bit) => {
    const head = new Uint8Array(UNCHECKED_BYTES)
    head[bit >> 3] = 1 << (bit & 7)
    return (chainHeader(kernel, 0, head) ^ ofNothing) >>> 0
  })
  for (let index = batchCount - 1; index >= 0; index--) {
    if (deltas.includes(wanted)) return index
    deltas = deltas.map(further)
    if (index % TURN_BATCHES === 0) yield* letOthersRun()
  }
  return undefined
}
