// Each mechanism of the engine's durability taken out in turn: what clients see alone must tell, without the monitor.
// The right engine passes on the path where the broken one fails.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Enumerator } from '../../bindings/testkit/simulation/crash/enumerator.ts'
import type { Exploration, ExploreOptions, Failure } from '../../bindings/testkit/simulation/crash/exploration.ts'
import { SCENARIOS } from '../../bindings/testkit/simulation/crash/scenarios.ts'
import { engineSystem } from '../../bindings/testkit/simulation/engine-system.ts'
import { ENGINE_FAULTS, type EngineFault, faultySystem } from './engine-faults.ts'

const common = {
  ...{ seed: 7, stopAtFirst: true, ignoreMonitor: true },
  ...{ pointChance: 0.3, nestedChances: [0.1, 0.05], lifeChance: 0.2 },
}
const SEEDS = 12

function scenarioOf(fault: EngineFault): (typeof SCENARIOS)[number] {
  const scenario = SCENARIOS.find(({ name }) => name === fault.scenario)
  assert.ok(scenario, fault.scenario)
  return scenario
}

function explore(fault: EngineFault, options: Partial<ExploreOptions>): Exploration {
  const mend = fault.inCode?.()
  try {
    return new Enumerator(faultySystem(fault), scenarioOf(fault), { ...common, ...options }).explore()
  } finally {
    mend?.()
  }
}

for (const fault of ENGINE_FAULTS) {
  test(`planted (rule ${fault.rule}): ${fault.name}`, () => {
    let images = 0
    let caught: Failure | undefined
    // Some show in few orders of effects only.
    for (let seed = common.seed; seed < common.seed + SEEDS && caught === undefined; seed++) {
      const found = explore(fault, { ...fault.explore, seed })
      images += found.images + found.nestedImages
      caught = found.failures[0]
    }
    assert.ok(caught, `${images} images and nothing was seen`)
    const only = caught.at === '' ? 'none' : caught.at
    const right = new Enumerator(engineSystem, scenarioOf(fault), { ...common, seed: caught.seed, only }).explore()
    assert.is(right.failedImages, 0, `the right engine at ${caught.at}`)
    const [what = ''] = (caught.violations[0] ?? '').split('\n')
    console.log(`${fault.name}: after ${images} images, at ${caught.at || 'no crash'}: ${what.slice(0, 120)}`)
  })
}

test.run()
