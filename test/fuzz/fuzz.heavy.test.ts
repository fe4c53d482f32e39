/**
 * Bytes from outside, mutated: a million cases over every kind that the log takes. Each is taken for what an
 * independent reading says it is, or refused by a typed error; none hangs, none takes more memory than it may. `npm run
 * fuzz -- --minutes N` for more.
 */
import { spawnSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fixtures, openSmall } from '../damage/fixture.ts'
import { LOADER } from '../runner/loader.ts'
import { FOUND } from './found.ts'
import { attempt, fuzz } from './fuzz.ts'
import { plantedFaults } from './planted.ts'
import { GROWTH_MAX_BYTES, Tally } from './tally.ts'
import { allTargets } from './targets/all.ts'
import { Watchdog } from './watchdog.ts'

const CASES = 1_000_000
const SEED = 1
/** A fault that is found by fewer is easy to find. */
const PLANTED_CASES = 4000

const watchdog = new Watchdog()
const targets = await allTargets()
const shares = targets.reduce((sum, { share }) => sum + share, 0)
const tally = new Tally(watchdog)

for (const target of targets) {
  test(`${target.name}: taken for what it is, or refused`, async () => {
    const cases = Math.ceil((CASES * target.share) / shares)
    const { wrong, refused } = await tally.run(target, SEED, cases)
    assert.is(wrong, undefined)
    assert.ok(refused < cases, 'something is taken')
  })
}

test('a million cases, and no memory above the bound', () => {
  tally.print()
  assert.ok(tally.cases >= CASES, `${tally.cases} cases`)
  assert.ok(tally.grownBytes <= GROWTH_MAX_BYTES, `${tally.grownBytes} bytes more at the peak`)
})

test('inputs that were once taken wrongly are taken rightly', async () => {
  for (const { target: name, hex, outcome, because } of FOUND) {
    const target = targets.find((each) => each.name === name)
    assert.ok(target, `there is no target ${name}`)
    assert.is(await attempt(target as never, new Uint8Array(Buffer.from(hex, 'hex'))), outcome, because)
  }
})

const planted = await plantedFaults(await fixtures(1, openSmall))

for (const { what, target } of planted) {
  test(`planted: ${what}`, async () => {
    const { wrong } = await fuzz(target, { seed: SEED, cases: PLANTED_CASES, watchdog })
    assert.ok(wrong, `not found by ${PLANTED_CASES} cases`)
    assert.match(wrong ?? '', `npm run fuzz -- --target '${target.name}'`)
    await target.end?.()
  })
}

test('a case that hangs is told by the thread beside it, which ends the process', () => {
  const hanging = spawnSync(process.execPath, [...LOADER, 'test/fuzz/fixtures/hanging.ts'], {
    encoding: 'utf8',
  })
  assert.is(hanging.signal, 'SIGKILL')
  assert.match(hanging.stderr, "it hangs: npm run fuzz -- --target 'what hangs' --seed 1 --case 7")
})

test('planted faults leave no target out', () => {
  const names = new Set(planted.map(({ target }) => target.name))
  assert.equal(
    targets.filter(({ name }) => !names.has(name)).map(({ name }) => name),
    [],
  )
})

test.after(async () => {
  for (const target of targets) await target.end?.()
  await watchdog.end()
})

test.run()
