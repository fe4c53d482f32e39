import type { Kernel } from '../../bindings/kernel/kernel.ts'
import { decodeCheckpointFile } from '../../bindings/log/checkpoint/checkpoint-file.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { returnKernel, takeKernel } from '../../bindings/testkit/simulation/kernel-pool.ts'
import type { DirectoryImage } from './directory-image.ts'
import type { Fixture } from './fixture.ts'
import { observe } from './observe.ts'
import { judge, type Verdict } from './verdict.ts'

export interface Flip {
  readonly path: string
  readonly bit: number
}

export interface Flips {
  readonly histogram: ReadonlyMap<string, number>
  /** The first few of what must not be. */
  readonly refused: readonly string[]
  readonly count: number
}

const BLOCK_BYTES = 512
const SAMPLED_ZEROS = 1000
const REFUSED_MAX = 40

/** Content: all bytes of small files, and of the preallocated ones what stands before the zeros of each block. */
export function usedBits(image: DirectoryImage): Flip[] {
  return image.paths.flatMap((path) => {
    const bytes = image.files.get(path)?.bytes() ?? new Uint8Array()
    const flips: Flip[] = []
    for (let block = 0; block < bytes.length; block += BLOCK_BYTES) {
      const whole = Math.min(bytes.length, block + BLOCK_BYTES)
      const end = path.startsWith('journal/') ? lastContent(bytes, block, whole) : whole
      for (let bit = block * 8; bit < end * 8; bit++) flips.push({ path, bit })
    }
    return flips
  })
}

/** The journal's zeros and the reserve, evenly. */
export function sampledZeros(image: DirectoryImage): Flip[] {
  const used = new Set(usedBits(image).map(({ path, bit }) => `${path} ${bit >> 3}`))
  const zeros = image.paths
    .filter((path) => path.startsWith('journal/'))
    .map((path) => ({ path, bits: (image.files.get(path)?.sizeBytes ?? 0) * 8 }))
  const total = zeros.reduce((sum, { bits }) => sum + bits, 0)
  const flips: Flip[] = []
  for (let index = 0; index < SAMPLED_ZEROS; index++) {
    // An odd step, so that the bits of a byte take turns.
    let at = Math.floor((total / SAMPLED_ZEROS) * index) | 1
    for (const { path, bits } of zeros) {
      if (at < bits) {
        if (!used.has(`${path} ${at >> 3}`)) flips.push({ path, bit: at })
        break
      }
      at -= bits
    }
  }
  return flips
}

function lastContent(bytes: Uint8Array, from: number, to: number): number {
  let end = to
  while (end > from && bytes[end - 1] === 0) end--
  return end
}

/**
 * Flips each bit in a copy of its own, opens it, reads everything back and judges. A checkpoint is whole or nothing: of
 * one that its reader refuses nothing else is ever looked at. So unless `opensAll`, one bit of each of its bytes goes
 * through an opening, and the others through its reader.
 */
export async function tryFlips({ name, image }: Fixture, flips: readonly Flip[], opensAll: boolean): Promise<Flips> {
  const before = await observe(image.fork())
  // Each flip makes errors by the dozen: their stacks would be a tenth of it all.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  const kernel = takeKernel()
  const histogram = new Map<string, number>()
  const refused: string[] = []
  for (const { path, bit } of flips) {
    const copy = image.fork()
    flip(copy, { path, bit })
    const isOpened = opensAll || isOneOfItsByte(bit) || !isRefusedCheckpoint(copy, path, kernel)
    const { outcome, isAllowed, why } = isOpened ? await attempt(copy, before) : passedOver
    const row = `${name.padEnd(25)} ${kindOf(path).padEnd(22)} ${outcome}`
    histogram.set(row, (histogram.get(row) ?? 0) + 1)
    if (!isAllowed && refused.length < REFUSED_MAX)
      refused.push(`${name} ${path} byte ${bit >> 3} bit ${bit & 7}: ${why}`)
  }
  Error.stackTraceLimit = stackTraceLimit
  returnKernel(kernel)
  return { histogram, refused, count: flips.length }
}

const passedOver: Verdict = { outcome: 'refused by its reader', isAllowed: true, why: '' }

/** Bits take turns from byte to byte. */
function isOneOfItsByte(bit: number): boolean {
  return bit % 8 === (bit >> 3) % 8
}

function isRefusedCheckpoint(image: DirectoryImage, path: string, kernel: Kernel): boolean {
  if (!path.startsWith('checkpoint/')) return false
  try {
    return decodeCheckpointFile(image.files.get(path)?.bytes() ?? new Uint8Array(), kernel, path) === undefined
  } catch (error) {
    if (!LogError.is(error)) throw error
    return false
  }
}

async function attempt(copy: DirectoryImage, before: Awaited<ReturnType<typeof observe>>) {
  try {
    return judge(before, await observe(copy))
  } catch (error) {
    return { outcome: 'untyped', isAllowed: false, why: (error as Error).stack ?? String(error) }
  }
}

export function flip(image: DirectoryImage, { path, bit }: Flip): void {
  const file = image.files.get(path)
  const byte = new Uint8Array(1)
  file?.read(byte, bit >> 3)
  byte[0] = (byte[0] ?? 0) ^ (1 << (bit & 7))
  file?.write(byte, bit >> 3)
}

/** `pay-1/…004.timeindex` is a `pay timeindex`, `journal/00000000.ring` a ring. */
export function kindOf(path: string): string {
  const [directory = '', name = ''] = path.split('/')
  if (directory === 'journal') return name.endsWith('.ring') ? 'ring' : name
  if (directory === 'checkpoint') return directory
  return `${directory.replace(/-\d+$/, '').replace(/^__/, '')} ${name.split('.').at(-1)}`
}
