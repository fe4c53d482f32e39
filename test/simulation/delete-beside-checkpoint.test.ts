// Found by simulation: a topic's files were removed while a checkpoint was syncing them, which ended the log. No crash
// is needed, only the order in which effects end, so many orders are tried and few crashes.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Enumerator } from '../../bindings/testkit/simulation/crash/enumerator.ts'
import { describeFailure } from '../../bindings/testkit/simulation/crash/exploration.ts'
import { Marks } from '../../bindings/testkit/simulation/crash/marks.ts'
import { SCENARIOS } from '../../bindings/testkit/simulation/crash/scenarios.ts'
import { engineSystem } from '../../bindings/testkit/simulation/engine-system.ts'

test('a topic that is deleted beside a checkpoint ends no log, in any of twenty orders', () => {
  const scenario = SCENARIOS.find(({ name }) => name === 'topic created, deleted and made anew')
  assert.ok(scenario)
  for (let seed = 1; seed <= 20; seed++) {
    const options = {
      seed,
      images: 2,
      nestedChances: [0, 0] as [number, number],
      pointChance: 0.03,
      marks: new Marks(),
    }
    const found = new Enumerator(engineSystem, scenario, options).explore()
    assert.is(found.failedImages, 0, found.failures.map((each) => describeFailure('engine', each)).join('\n'))
  }
})

test.run()
