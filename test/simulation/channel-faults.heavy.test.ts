// Some more seeds than channel.test.ts has (swarm.ts runs as many as one likes), and mechanisms taken out one by one:
// each shows in what clients saw. Thirteen times as many seeds: `node --import tsx
// test/simulation/channel-faults.heavy.test.ts all`
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CHANNEL_FAULTS } from './channel/faults.ts'
import { KINDS, usualPlan } from './channel/plan.ts'
import { type Outcome, simulate } from './channel/run.ts'

const SEEDS = process.argv.includes('all') ? 40 : 3
const FAULTY_SEEDS = 30

for (const kind of KINDS) {
  test(`${kind}: ${SEEDS} seeds`, async () => {
    let operations = 0
    for (let seed = 1000; seed < 1000 + SEEDS; seed++) {
      const { wrong, operationCount } = await simulate(usualPlan(kind, seed))
      assert.equal(wrong, [], `node test/runner/bundles/start.mjs test/simulation/channel.test.ts ${kind} ${seed}`)
      operations += operationCount
    }
    console.log(`${kind}: ${operations} sends and transactions, nothing wrong`)
  })
}

for (const { name, kind, plant } of CHANNEL_FAULTS) {
  test(`planted: ${name}`, async () => {
    const mend = plant()
    let found: Outcome | undefined
    let seed = 0
    try {
      while (found === undefined && seed++ < FAULTY_SEEDS) {
        const outcome = await simulate(usualPlan(kind, seed))
        if (outcome.wrong.length > 0) found = outcome
      }
    } finally {
      mend()
    }
    assert.ok(found, `${FAULTY_SEEDS} seeds of ${kind} and nothing was seen`)
    console.log(`${name}: seed ${seed} of ${kind}: ${found.wrong[0]?.slice(0, 140)}`)
    assert.equal((await simulate(usualPlan(kind, seed))).wrong, [], 'without the fault nothing is wrong there')
  })
}

test.run()
