// Batches that wait, in the sizes of a log of full size (decision 015): up to 16 KiB each, in pieces of 32 KiB. The
// other scenarios have smaller ones, and segments that a single piece would fill. `all 100` crashes more images, by
// that seed.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Enumerator } from '../../bindings/testkit/simulation/crash/enumerator.ts'
import { describeFailure } from '../../bindings/testkit/simulation/crash/exploration.ts'
import { FULL_SIZE_SCENARIOS } from '../../bindings/testkit/simulation/crash/full-size-scenarios.ts'
import { fullSizeSystem } from '../../bindings/testkit/simulation/engine-system.ts'
import { Tally } from './tally.ts'

const isAll = process.argv[2] === 'all'
const options = {
  seed: isAll ? Number(process.argv[3] ?? 1) : 7,
  images: isAll ? 30 : 6,
  nestedChances: [0.002],
  lifeChance: 0.05,
  judged: new Set<string>(),
}
const tally = new Tally()

for (const scenario of FULL_SIZE_SCENARIOS) {
  test(`crashes in full sizes: ${scenario.name}`, () => {
    const found = new Enumerator(fullSizeSystem, scenario, options).explore()
    tally.add(found)
    const failures = found.failures.map((each) => describeFailure(fullSizeSystem.name, each))
    assert.is(found.failedImages, 0, failures.join('\n'))
    assert.ok(found.points > 20 && found.images > 0, `${found.points} points, ${found.images} images`)
  })
}

test('what it came to', () => console.log(`COUNTED: ${tally}`))

test.run()
