import type { Bytes } from './target.ts'

/** The more a try costs, the fewer there are. */
const TRIES_MAX = 3000
const TIME_MAX_MS = 3000

/** Fewer bytes, and more zeros among them, that still fail: whole blocks go first, then what is left becomes zero. */
export async function shrunk(bytes: Bytes, fails: (bytes: Bytes) => Promise<boolean>): Promise<Bytes> {
  const until = performance.now() + TIME_MAX_MS
  let tries = 0
  let least = bytes
  const isOver = () => tries >= TRIES_MAX || performance.now() > until
  const isLess = async (candidate: Bytes) => {
    if (isOver()) return false
    tries++
    if (!(await fails(candidate))) return false
    least = candidate
    return true
  }
  for (let size = Math.ceil(least.length / 2); size >= 1 && !isOver(); size = size === 1 ? 0 : size >> 1) {
    for (let at = 0; at < least.length; ) {
      const without = new Uint8Array([...least.subarray(0, at), ...least.subarray(at + size)])
      if (!(await isLess(without))) at += size
    }
  }
  for (let at = 0; at < least.length; at++) {
    if (least[at] === 0) continue
    const zeroed = least.slice()
    zeroed[at] = 0
    await isLess(zeroed)
  }
  return least
}
