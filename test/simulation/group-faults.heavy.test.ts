// Mechanisms that guard consumer groups are taken out of the sources one by one: some run tells, and with the mechanism
// that run passes.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GROUP_FAULTS, planFor } from './groups/faults.ts'
import { planted } from './groups/planted.ts'
import { simulateGroups } from './groups/run.ts'

const SEEDS = 40

for (const fault of GROUP_FAULTS) {
  test(`planted: ${fault.name}`, async () => {
    const simulate = await planted(fault)
    let found: readonly string[] = []
    let seed = 0
    while (found.length === 0 && seed++ < SEEDS) found = (await simulate(planFor(fault, seed))).wrong
    assert.ok(found.length > 0, `seeds up to ${SEEDS} and nothing was seen`)
    console.log(`${fault.name}: seed ${seed}: ${found[0]?.slice(0, 140)}`)
    const { wrong } = await simulateGroups(planFor(fault, seed))
    assert.equal(wrong, [], 'without the fault nothing is wrong there')
  })
}

test.run()
