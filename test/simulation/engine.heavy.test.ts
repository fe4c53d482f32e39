// The real engine against every scenario: a sample of crash points, each with images of every kind, and recoveries that
// are crashed again. The whole is run by test/simulation/torture.ts.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { recoveryMarks } from '../../bindings/log/recovery-marks.ts'
import { Enumerator } from '../../bindings/testkit/simulation/crash/enumerator.ts'
import { describeFailure, type Exploration } from '../../bindings/testkit/simulation/crash/exploration.ts'
import { Marks } from '../../bindings/testkit/simulation/crash/marks.ts'
import { WRITE_ORDER } from '../../bindings/testkit/simulation/crash/monitor.ts'
import { SCENARIOS } from '../../bindings/testkit/simulation/crash/scenarios.ts'
import { engineSystem } from '../../bindings/testkit/simulation/engine-system.ts'
import { Tally } from './tally.ts'

/** What only damage, removal or compaction leaves: other scenarios reach it. */
const ELSEWHERE: readonly string[] = [
  'segments-below-start',
  'decision-without-frame',
  'journal-gap',
  'broken-frame-set-aside',
  'swap-finished',
  'swap-dropped',
  'replaced-segment-removed',
]
const REACHABLE: readonly string[] = recoveryMarks.all.filter((mark) => !ELSEWHERE.includes(mark))

const seed = 7
const marks = new Marks()
const judged = new Set<string>()
const tally = new Tally()
const checked = new Map<string, number>()

function explore(scenario: (typeof SCENARIOS)[number], options: { pointChance: number; marks: Marks }): Exploration {
  return new Enumerator(engineSystem, scenario, {
    seed,
    images: 40,
    nestedChances: [0.002, 0.01],
    lifeChance: 0.05,
    judged,
    ...options,
  }).explore()
}

for (const scenario of SCENARIOS) {
  test(`crashes of the engine: ${scenario.name}`, () => {
    const found = explore(scenario, { pointChance: 1, marks })
    tally.add(found)
    for (const [name, count] of found.checked) checked.set(name, (checked.get(name) ?? 0) + count)
    assert.is(found.failedImages, 0, found.failures.map((each) => describeFailure('engine', each)).join('\n'))
    assert.ok(found.points > 20 && found.images > 0, `${found.points} points, ${found.images} images`)
  })
}

test('the same seed is the same run, to the last operation', () => {
  const [scenario] = SCENARIOS.slice(3)
  assert.ok(scenario)
  const hashOf = (): string => {
    judged.clear()
    return explore(scenario, { pointChance: 0.05, marks: new Marks() }).hash
  }
  assert.is(hashOf(), hashOf())
})

test('every branch of recovery that a crash can reach was taken, every rule of the write order asked', () => {
  const missing = marks.missing(REACHABLE)
  assert.equal(missing, [], marks.summary())
  const unasked = WRITE_ORDER.filter(({ name }) => !checked.has(name)).map(({ name }) => name)
  assert.equal(unasked, [])
  console.log(`COUNTED: ${tally}`)
  console.log(marks.summary())
})

test.run()
