// Some runs of the simulation of consumer groups; the command for more of them is in groups.ts.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { groupPlan } from './groups/plan.ts'
import { simulateGroups } from './groups/run.ts'

const RUNS = 6
/** Among them one with as many members as a group may well have. */
const LARGE = 40
/** What has to come in so many runs, or they show nothing. */
const WANTED = ['assigned', 'revoked', 'lost', 'delivered', 'committed', 'overruled'] as const

test(`${RUNS} runs: partitions have one owner, groups go on where they were, and all is worked off`, async () => {
  const counts = new Map<string, number>()
  for (const seed of [...Array.from({ length: RUNS - 1 }, (_, index) => index + 1), LARGE]) {
    const outcome = await simulateGroups(groupPlan(seed))
    assert.equal(outcome.wrong, [], `node --import tsx test/simulation/groups.ts --seed ${seed} --runs 1 --trace`)
    for (const [name, count] of outcome.counts) counts.set(name, (counts.get(name) ?? 0) + count)
  }
  for (const name of WANTED) assert.ok((counts.get(name) ?? 0) > 0, `never: ${name}`)
  console.log(`COUNTED: ${RUNS} random runs of consumer groups`)
})

test('the same seed is the same run', async () => {
  assert.is((await simulateGroups(groupPlan(3))).hash, (await simulateGroups(groupPlan(3))).hash)
})

test.run()
