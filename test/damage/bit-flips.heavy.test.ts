/**
 * Every bit of a small log of 8 KiB flipped in turn: everything as before, or damage that an error or the report
 * places. Of others that were killed, or have transactions, a bit of every eighth byte; all with a journal of 32 KiB,
 * whose zeros cost less. Some flips in logs as programs make them, over an image and through the file system. Every bit
 * of all of them, and of a log of 64 KiB, each through an opening, an hour: `node --import tsx
 * test/damage/bit-flips.heavy.test.ts all`
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { scratchDirectory } from '../scratch.ts'
import { type Flip, flip, sampledZeros, tryFlips, usedBits } from './bit-flips.ts'
import type { DirectoryImage } from './directory-image.ts'
import { type Fixture, fixtures, largeFixture, openSmall } from './fixture.ts'
import { observe, observeDirectory } from './observe.ts'
import { transactionFixtures } from './transactions-fixture.ts'
import { judge } from './verdict.ts'

const isWhole = process.argv.includes('all')
/** Bits of 8 KiB, and of 64. */
const BITS = 65_536
const LARGE_BITS = 8 * BITS
/** Odd, so that the bits of a byte take turns. */
const STRIDE_OF_OTHERS = isWhole ? 1 : 71
const STRIDE_OF_USUAL = isWhole ? 1 : 131
const STRIDE_OF_FILES = 997

async function flipAll({ name, image }: Fixture, flips: readonly Flip[]): Promise<void> {
  const begun = process.cpuUsage()
  const { histogram, refused } = await tryFlips({ name, image }, flips, isWhole)
  const { user, system } = process.cpuUsage(begun)
  const seconds = (user + system) / 1e6
  console.log(
    `${name}: ${flips.length} flips, ${usedBits(image).length} bits in use; ${seconds.toFixed(1)} s of CPU, ` +
      `${((seconds * 1000) / flips.length).toFixed(2)} ms each`,
  )
  for (const [row, count] of [...histogram].sort()) console.log(`${String(count).padStart(7)}  ${row}`)
  assert.equal(refused, [])
}

const [first, ...others] = [...(await fixtures(1, openSmall)), ...(await transactionFixtures(1, openSmall))]

test(`${first?.name}: no flipped bit of 8 KiB changes anything in silence`, async () => {
  const used = usedBits((first as Fixture).image)
  assert.ok(used.length >= BITS, `${used.length} bits are in use`)
  await flipAll(first as Fixture, used)
  console.log(`COUNTED: ${used.length} bits, every one of a log, flipped one by one`)
})

for (const fixture of others) {
  test(`${fixture.name}: the same of every ${STRIDE_OF_OTHERS}th bit, and of zeros`, async () => {
    const flips = usedBits(fixture.image).filter((_, index) => index % STRIDE_OF_OTHERS === 0)
    await flipAll(fixture, [...flips, ...sampledZeros(fixture.image)])
  })
}

for (const { name, image } of [...(await fixtures()), ...(await transactionFixtures())]) {
  const used = usedBits(image)

  test(`${name}, as programs make it: the same, of every ${STRIDE_OF_USUAL}th bit`, async () => {
    const flips = used.filter((_, index) => index % STRIDE_OF_USUAL === 0)
    await flipAll({ name, image }, [...flips, ...(isWhole ? sampledZeros(image) : [])])
  })

  test(`${name}: the same through the file system`, async () => {
    const directory = scratchDirectory('damage')
    try {
      const before = await observe(image.fork())
      for (const each of used.filter((_, index) => index % STRIDE_OF_FILES === 0))
        await onDisk(image, each, join(directory, 'log'), before)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
}

if (isWhole) {
  test('64 KiB of a larger log', async () => {
    const large = await largeFixture()
    const used = usedBits(large.image)
    assert.ok(used.length >= LARGE_BITS, `${used.length} bits`)
    await flipAll(large, used)
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
