// Each mechanism of the engine's durability taken out in turn: what clients see alone must tell, without the monitor.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Enumerator } from '../../bindings/testkit/simulation/crash/enumerator.ts'
import { SCENARIOS } from '../../bindings/testkit/simulation/crash/scenarios.ts'
import { ENGINE_FAULTS, faultySystem } from './engine-faults.ts'

const seed = 7

for (const fault of ENGINE_FAULTS) {
  test(`planted (rule ${fault.rule}): ${fault.name}`, () => {
    const scenario = SCENARIOS.find(({ name }) => name === fault.scenario)
    assert.ok(scenario)
    const mend = fault.inCode?.()
    try {
      const options = { seed, stopAtFirst: true, ignoreMonitor: true, pointChance: 0.4, nestedChances: [0.1, 0.05] }
      const found = new Enumerator(faultySystem(fault), scenario, options).explore()
      const images = found.images + found.nestedImages
      const [what = ''] = (found.failures[0]?.violations[0] ?? '').split('\n')
      assert.ok(found.failedImages > 0, `${images} images and nothing was seen`)
      console.log(`${fault.name}: after ${images} images: ${what.slice(0, 140)}`)
    } finally {
      mend?.()
    }
  })
}

test.run()
