import { LogError } from '../../bindings/model/errors.ts'
import { Random } from '../../bindings/testkit/simulation/random.ts'
import { type FuzzTarget, Refused } from './targets.ts'

/** No decoder takes so long for so few bytes. */
const HANGS_AFTER_MS = 2000
const EDGES = [0, 1, 0x7f, 0x80, 0xff]

/** What one seed came to; `wrong` is what must not be. */
export interface Fuzzed {
  readonly cases: number
  readonly refused: number
  readonly wrong: readonly string[]
}

/** One seed, so many cases: each mutates whole bytes in one to four ways. */
export function fuzz(target: FuzzTarget, seed: number, cases: number): Fuzzed {
  const random = new Random(seed)
  const wrong: string[] = []
  let refused = 0
  for (let number = 0; number < cases && wrong.length === 0; number++) {
    const whole = target.whole[random.below(target.whole.length)] as Uint8Array<ArrayBuffer>
    const bytes = mutated(whole, random)
    const started = performance.now()
    const tell = (what: string) =>
      wrong.push(`${target.name}, seed ${seed}, case ${number}: ${what}: ${Buffer.from(bytes).toString('hex')}`)
    try {
      target.take(bytes)
      const at = changedAt(whole, bytes)
      if (target.checkedFrom !== undefined && at !== undefined && at >= target.checkedFrom)
        tell(`byte ${at} was changed and nobody saw it`)
    } catch (error) {
      refused++
      if (!isRefusal(error)) tell(String(error))
    }
    if (performance.now() - started > HANGS_AFTER_MS) tell('took too long')
  }
  return { cases, refused, wrong }
}

function isRefusal(error: unknown): boolean {
  return LogError.is(error) || error instanceof Refused
}

/** The first byte that differs, of bytes of the same length; `undefined` where what stands behind the end may count for nothing. */
function changedAt(whole: Uint8Array, bytes: Uint8Array): number | undefined {
  if (whole.length !== bytes.length) return undefined
  const at = bytes.findIndex((byte, index) => byte !== whole[index])
  return at < 0 ? undefined : at
}

function mutated(whole: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  let bytes = whole.slice()
  for (let ways = 1 + random.below(4); ways > 0; ways--) {
    const at = random.below(Math.max(1, bytes.length))
    switch (random.below(6)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
        break
      case 1:
        bytes[at] = EDGES[random.below(EDGES.length)] ?? 0
        break
      case 2:
        // A length or a count, mostly.
        if (at + 4 <= bytes.length) new DataView(bytes.buffer).setInt32(at, (random.unit() - 0.5) * 2 ** 32)
        break
      case 3:
        bytes = bytes.slice(0, at)
        break
      case 4:
        bytes = Uint8Array.of(
          ...bytes.subarray(0, at),
          ...bytes.subarray(at >> 1, (at >> 1) + 8),
          ...bytes.subarray(at),
        )
        break
      default:
        bytes.copyWithin(at, random.below(Math.max(1, bytes.length)))
    }
  }
  return bytes
}
