/**
 * A bit flipped in every byte of a small log, cleanly closed and killed, one at a time: everything as before, or damage
 * that an error or the report places. Which bit of a byte varies. Every bit of every byte, some twenty minutes:
 * `node --import tsx test/damage/bit-flips.heavy.test.ts all`
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Flip, flip, sampledZeros, tryFlips, usedBits } from './bit-flips.ts'
import type { DirectoryImage } from './directory-image.ts'
import { fixtures } from './fixture.ts'
import { observe, observeDirectory } from './observe.ts'
import { transactionFixtures } from './transactions-fixture.ts'
import { judge } from './verdict.ts'

const isWhole = process.argv.includes('all')
const USED_BYTES_MAX = 8192
/** Odd, so that the bits of a byte take turns. */
const STRIDE = 17

for (const { name, image } of [...(await fixtures()), ...(await transactionFixtures())]) {
  const used = usedBits(image)

  test(`${name}: at most 8 KiB are used`, () => {
    assert.ok(used.length / 8 <= USED_BYTES_MAX, `${used.length / 8} bytes`)
  })

  test(`${name}: no flipped bit changes anything in silence`, async () => {
    const flips = [...used.filter((_, index) => isWhole || index % STRIDE === 0), ...sampledZeros(image)]
    const { histogram, refused } = await tryFlips({ name, image }, flips)
    console.log(`${flips.length} flips of ${used.length} used bits and the sampled zeros`)
    for (const [row, count] of [...histogram].sort()) console.log(`${String(count).padStart(7)}  ${row}`)
    assert.equal(refused, [])
  })

  test(`${name}: the same on a disk`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'oncelog-damage-'))
    try {
      const before = await observe(image.fork())
      for (const each of used.filter((_, index) => index % 997 === 0))
        await onDisk(image, each, join(directory, 'log'), before)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
}

async function onDisk(
  image: DirectoryImage,
  each: Flip,
  directory: string,
  before: Awaited<ReturnType<typeof observe>>,
) {
  const copy = image.fork()
  flip(copy, each)
  copy.writeTo(directory)
  const after = await observeDirectory(directory)
  const { isAllowed, why } = judge(before, after)
  assert.ok(isAllowed, `${each.path} bit ${each.bit}: ${why}`)
  assert.equal(after, await observe(copy.fork()), 'as over the image')
  rmSync(directory, { recursive: true })
}

test.run()
