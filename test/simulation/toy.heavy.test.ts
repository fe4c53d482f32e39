// The tools against a log that is known to be right, and against the same log with each mistake planted. Twice as many
// images of each point, a minute more: `node test/runner/bundles/start.mjs test/simulation/toy.heavy.test.ts all`
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Enumerator } from '../../bindings/testkit/simulation/crash/enumerator.ts'
import { describeFailure, type Exploration } from '../../bindings/testkit/simulation/crash/exploration.ts'
import { Marks } from '../../bindings/testkit/simulation/crash/marks.ts'
import { WRITE_ORDER } from '../../bindings/testkit/simulation/crash/monitor.ts'
import { SCENARIOS } from '../../bindings/testkit/simulation/crash/scenarios.ts'
import { Tally } from './tally.ts'
import { TOY_FAULTS, type ToyFault } from './toy-entries.ts'
import { toySystem } from './toy-log.ts'

const seed = 7
const nestedChances = [0.02, 0.02]
/**
 * Of the right log: every image is opened and looked at, and the first of its kind lived on with. A planted fault has
 * them all.
 */
const lifeChance = process.argv.includes('all') ? 1 : 0.2
/** Of each point: those without chance, and two of the mixed ones, or eight. */
const IMAGES = process.argv.includes('all') ? 12 : 6
/** What the journal alone has: the toy has no extents, and places no decision apart from its frame. */
const journalOnly = ['extent-before-frame', 'decision-after-frame']

test('a right log passes in every image of every scenario', () => {
  const marks = new Marks()
  const tally = new Tally()
  const checked = new Map<string, number>()
  const judged = new Set<string>()
  for (const scenario of SCENARIOS) {
    const options = { seed, marks, nestedChances, images: IMAGES, judged, lifeChance }
    const found = new Enumerator(toySystem(), scenario, options).explore()
    tally.add(found)
    for (const [name, count] of found.checked) checked.set(name, (checked.get(name) ?? 0) + count)
    assert.is(found.failedImages, 0, found.failures.map((each) => describeFailure('toy', each)).join('\n'))
    assert.is(found.images, found.points * IMAGES, `images of ${scenario.name}`)
  }
  console.log(`COUNTED: ${tally}`)
  console.log(marks.summary())
  assert.equal(marks.missing(['tail-cut', 'roll', 'checkpoint', 'unclean', 'duplicate']), [])
  const unasked = WRITE_ORDER.filter(({ name }) => !checked.has(name) && !journalOnly.includes(name))
  assert.equal(
    unasked.map(({ name }) => name),
    [],
    'rules of the write-order table that nothing asked for',
  )
})

/** Where a fault that shows in few scenarios is looked for first. */
const LIKELY: Partial<Record<ToyFault, string>> = {
  'duplicate-too-early': 'duplicates while the log lives, at other acks',
  'dead-topic-replayed': 'topic created, deleted and made anew',
  'committed-survives-topic': 'topic created, deleted and made anew',
}

/** Scenarios in order, the likely one before all, until one fails: its first failure, and how many images it took. */
function firstFailure(fault: ToyFault): { images: number; found: Exploration } | undefined {
  let images = 0
  const judged = new Set<string>()
  const likely = SCENARIOS.filter(({ name }) => name === LIKELY[fault])
  for (const scenario of [...likely, ...SCENARIOS.filter((each) => !likely.includes(each))]) {
    const options = { seed, stopAtFirst: true, ignoreMonitor: true, nestedChances: [0.01, 0.01], judged }
    const found = new Enumerator(toySystem(fault), scenario, options).explore()
    images += found.images + found.nestedImages
    if (found.failedImages > 0) return { images, found }
  }
  return undefined
}

for (const fault of TOY_FAULTS) {
  test(`planted: ${fault} is caught by what clients see alone`, () => {
    const caught = firstFailure(fault)
    assert.ok(caught, `${fault} was caught in no scenario`)
    const [failure] = caught.found.failures
    assert.ok(failure)
    console.log(
      `${fault}: caught after ${caught.images} images in "${failure.scenario}" (${failure.modes || 'no crash'}): ` +
        `${failure.violations[0]?.split('\n')[0]}`,
    )
    // The path alone shows it again, and the right log passes there.
    const scenario = SCENARIOS.find(({ name }) => name === failure.scenario)
    assert.ok(scenario)
    const options = { seed, only: failure.at === '' ? 'none' : failure.at, ignoreMonitor: true }
    const again = new Enumerator(toySystem(fault), scenario, options).explore()
    assert.equal(
      again.failures.find(({ at }) => at === failure.at)?.violations,
      failure.violations,
      'on its path alone',
    )
    assert.is(new Enumerator(toySystem(), scenario, options).explore().failedImages, 0, 'the right log on that path')
  })
}

test('the same seed gives the same hash of the whole trace, another seed another', () => {
  const hashOf = (seedOfRun: number): string =>
    SCENARIOS.slice(2, 5)
      .map((scenario) => new Enumerator(toySystem(), scenario, { seed: seedOfRun, nestedChances }).explore().hash)
      .join()
  assert.is(hashOf(1), hashOf(1))
  assert.is.not(hashOf(1), hashOf(2))
})

test.run()
