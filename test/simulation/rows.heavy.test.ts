// The engine over a database in place of files: crashed before every append and every transaction of every scenario,
// and in the recovery after it, two deep; the same model decides. Then each mechanism of the row store taken out.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Enumerator } from '../../bindings/testkit/simulation/crash/enumerator.ts'
import {
  describeFailure,
  type Exploration,
  type ExploreOptions,
} from '../../bindings/testkit/simulation/crash/exploration.ts'
import { WRITE_ORDER } from '../../bindings/testkit/simulation/crash/monitor.ts'
import { SCENARIOS } from '../../bindings/testkit/simulation/crash/scenarios.ts'
import { rowSystem } from '../../bindings/testkit/simulation/engine-system.ts'
import { ROW_FAULTS, type RowFault } from './row-faults.ts'
import { Tally } from './tally.ts'

const seed = 7
/** The rest of the write-order table speaks of files. */
const ASKED: readonly string[] = [
  'frame-after-frame',
  'acknowledged-after-frame',
  'shown-below-ceiling',
  'producer-id-reserved',
]

const judged = new Set<string>()
const tally = new Tally()
const checked = new Map<string, number>()

for (const scenario of SCENARIOS) {
  test(`crashes of the engine over rows: ${scenario.name}`, () => {
    const options = { seed, images: 20, nestedChances: [0.1, 0.1], lifeChance: 0.2, judged }
    const found = new Enumerator(rowSystem, scenario, options).explore()
    tally.add(found)
    for (const [name, count] of found.checked) checked.set(name, (checked.get(name) ?? 0) + count)
    assert.is(found.failedImages, 0, found.failures.map((each) => describeFailure('rows', each)).join('\n'))
    assert.ok(found.points > 6 && found.images > 0, `${found.points} points, ${found.images} images`)
  })
}

test('the rules of the write order that a database knows were asked', () => {
  assert.ok(ASKED.every((name) => WRITE_ORDER.some((order) => order.name === name)))
  assert.equal(
    ASKED.filter((name) => !checked.has(name)),
    [],
  )
  console.log(`COUNTED: ${tally}`)
})

function explore({ scenario, inCode }: RowFault, options: Partial<ExploreOptions>): Exploration {
  const found = SCENARIOS.find(({ name }) => name === scenario)
  assert.ok(found, scenario)
  const common = { seed, images: 5, nestedChances: [1, 0.2], lifeChance: 0.2, stopAtFirst: true, ignoreMonitor: true }
  const mend = inCode()
  try {
    return new Enumerator(rowSystem, found, { ...common, ...options }).explore()
  } finally {
    mend()
  }
}

for (const fault of ROW_FAULTS) {
  test(`planted in the row store (rule ${fault.rule}): ${fault.name}`, () => {
    const found = explore(fault, {})
    const [caught] = found.failures
    assert.ok(caught, `${found.images + found.nestedImages} images and nothing was seen`)
    const only = caught.at === '' ? 'none' : caught.at
    const right = explore({ ...fault, inCode: () => () => {} }, { only })
    assert.is(right.failedImages, 0, `the right store at ${caught.at}`)
    const [what = ''] = (caught.violations[0] ?? '').split('\n')
    console.log(`${fault.name}: after ${found.images} images, at ${caught.at || 'no crash'}: ${what.slice(0, 120)}`)
  })
}

test.run()
