/**
 * `oncelog verify` names the place: of whatever file something happened to, the first damage that it tells is in that
 * file, and of a flipped bit it is the batch or entry that the bit is in. A bit of every 16th byte; every bit:
 * `node test/runner/bundles/start.mjs test/damage/verify-places.test.ts all`
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { verifyDirectory } from '../../bindings/log/verify/verify-directory.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { runTask } from '../../bindings/storage/run-task.ts'
import { returnKernel, takeKernel } from '../../bindings/testkit/simulation/kernel-pool.ts'
import { flip, kindOf, usedBits } from './bit-flips.ts'
import type { DirectoryImage } from './directory-image.ts'
import { fixtures, openSmall } from './fixture.ts'
import { HARMS } from './harms.ts'
import { transactionFixtures } from './transactions-fixture.ts'

/** Odd, so that the bits of a byte take turns. */
const STRIDE = process.argv.includes('all') ? 1 : 131
/** A line of text that lost its end is told of where the text ends. */
const TEXT_BEHIND_BYTES = 2
const ENTRY_BYTES: readonly (readonly [suffix: string, bytes: number])[] = [
  ['.txnindex', 34],
  ['.timeindex', 12],
  ['.index', 8],
]

interface Place {
  readonly file: string
  readonly position: number
}

async function firstDamage(image: DirectoryImage): Promise<Place | undefined> {
  const kernel = takeKernel()
  try {
    return (await runTask(verifyDirectory(image, kernel, () => {}))).damage[0]
  } catch (error) {
    if (!LogError.is(error, 'UNSUPPORTED_VERSION')) throw error
    return error.details as unknown as Place
  } finally {
    returnKernel(kernel)
  }
}

function lengthOf(batches: Uint8Array, position: number): number {
  return 12 + new DataView(batches.buffer, batches.byteOffset).getInt32(position + 8)
}

/** Where the batch or entry begins that holds the byte; `undefined` for other files. */
function beginning(image: DirectoryImage, path: string, at: number): number | undefined {
  const entryBytes = ENTRY_BYTES.find(([suffix]) => path.endsWith(suffix))?.[1]
  if (entryBytes !== undefined) return at - (at % entryBytes)
  if (!path.endsWith('.log')) return undefined
  const batches = image.files.get(path)?.bytes() ?? new Uint8Array()
  let position = 0
  while (position + lengthOf(batches, position) <= at) position += lengthOf(batches, position)
  return position
}

/**
 * What an open makes again, or never looks at, may go without a word, as everything is as before; half an entry not.
 */
function mayPass(kind: string, harm: string): boolean {
  if (/index$|snapshot$|leader-epoch/.test(kind)) return harm !== 'cut by a byte'
  // A clean close leaves nothing in the journal that counts, and the header and two checkpoints twice.
  if (/ring$|restated$|reserve(\.\d\d)?$/.test(kind)) return true
  if (/checkpoint$/.test(kind)) return ['missing', 'emptied', 'grown by garbage'].includes(harm)
  return harm === 'grown by garbage'
}

const originals = [...(await fixtures(1, openSmall)), ...(await transactionFixtures(1, openSmall))]
const others = [...(await fixtures(2, openSmall)), ...(await transactionFixtures(2, openSmall))]

/**
 * The journal of another log makes this log's checkpoints foreign; what a lost frame or checkpoint leaves tells of it.
 */
function standsFor(kind: string, file: string): boolean {
  if (kind === 'header') return file === 'checkpoint/0'
  if (kind === 'checkpoint') return file === 'checkpoint'
  return kind === 'ring' && file.endsWith('.log')
}

for (const [index, { name, image }] of originals.entries()) {
  const isClean = name.startsWith('clean')

  test(`${name}: the first damage is in the harmed file`, async () => {
    const wrong: string[] = []
    let told = 0
    for (const harm of HARMS) {
      for (const path of image.paths) {
        const copy = image.fork()
        if (!harm.apply(copy, path, (others[index] ?? originals[0])?.image as DirectoryImage)) continue
        const kind = kindOf(path)
        const place = await firstDamage(copy)
        if (place !== undefined) told++
        if (place === undefined && isClean && !mayPass(kind, harm.name)) wrong.push(`${harm.name}, ${path}: nothing`)
        else if (place !== undefined && place.file !== path && !standsFor(kind, place.file))
          wrong.push(`${harm.name}, ${path}: ${place.file} at ${place.position}`)
      }
    }
    console.log(`  ${name}: ${told} harms told`)
    assert.equal(wrong, [])
    assert.ok(told > 50, `${told} told`)
  })

  test(`${name}: the place of a flipped bit`, async () => {
    const wrong: string[] = []
    let told = 0
    for (const each of usedBits(image).filter((_, count) => count % STRIDE === 0)) {
      const copy = image.fork()
      flip(copy, each)
      const at = each.bit >> 3
      const place = await firstDamage(copy)
      const where = `${each.path} at ${at}`
      if (place === undefined) {
        if (isClean && each.path.endsWith('.log')) wrong.push(`${where}: nothing`)
        continue
      }
      told++
      const exact = beginning(image, each.path, at)
      const isThere = exact === undefined ? place.position <= at + TEXT_BEHIND_BYTES : place.position === exact
      if (place.file !== each.path || !isThere) wrong.push(`${where}: ${place.file} at ${place.position}`)
    }
    console.log(`  ${name}: ${told} flips told`)
    assert.equal(wrong, [])
    assert.ok(told > 100, `${told} told`)
  })
}

test.run()
