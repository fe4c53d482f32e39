// What a run of the swarm can have, each with a mistake planted that only shows with it: some run tells, and the right
// log passes there.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { swarmPlan } from './channel/plan.ts'
import { type Outcome, simulate } from './channel/run.ts'
import { planFor, SWARM_FAULTS } from './channel/swarm-faults.ts'

const SEEDS = 60

for (const fault of SWARM_FAULTS) {
  test(`planted: ${fault.name}`, async () => {
    const mend = fault.plant()
    let found: Outcome | undefined
    let seed = 0
    try {
      while (found === undefined && seed++ < SEEDS) {
        const outcome = await simulate(planFor(swarmPlan(seed, fault.kind), fault))
        if (outcome.wrong.length > 0) found = outcome
      }
    } finally {
      mend()
    }
    assert.ok(found, `${SEEDS} runs of ${fault.kind} and nothing was seen`)
    console.log(`${fault.name}: run ${seed} of ${fault.kind}: ${found.wrong[0]?.slice(0, 140)}`)
    const { wrong } = await simulate(planFor(swarmPlan(seed, fault.kind), fault))
    assert.equal(wrong, [], 'without the fault nothing is wrong there')
  })
}

test.run()
