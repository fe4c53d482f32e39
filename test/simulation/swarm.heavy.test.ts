// Runs of the swarm whose every mix of sizes, programs and trouble differs.
// The command for more of them is in swarm.ts.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { neededEvents } from './channel/needed-events.ts'
import { type Plan, type PlannedEvent, swarmPlan } from './channel/plan.ts'
import { simulate } from './channel/run.ts'
import { SwarmReport } from './channel/swarm-report.ts'
import { swarmRun } from './channel/swarm-run.ts'
import { acknowledgeBeforeFlush } from './code-faults.ts'

const RUNS = 2000

test(`${RUNS} runs: nothing is lost, torn, seen twice or stuck, and every rare path is taken`, async () => {
  const report = new SwarmReport(RUNS)
  for (let seed = 1; seed <= RUNS; seed++) report.add(await swarmRun({ seed }))
  assert.ok(report.end())
  console.log(`COUNTED: ${RUNS} random runs of several processes`)
})

test('the same seed is the same run', async () => {
  assert.is((await simulate(swarmPlan(3))).hash, (await simulate(swarmPlan(3))).hash)
})

test('what goes wrong is cut down to the events that it needs', async () => {
  const mend = acknowledgeBeforeFlush()
  const goesWrong = async (plan: Plan) => (await simulate(plan)).wrong.length > 0
  try {
    let seed = 1
    while (!swarmPlan(seed).losesUnflushed || !(await goesWrong(swarmPlan(seed)))) seed++
    const plan = swarmPlan(seed)
    const needed = await neededEvents(plan)
    const events = needed.map((index) => plan.events[index] as PlannedEvent)
    assert.ok(events.length > 0, 'without a crash nobody notices')
    assert.ok(events.length < plan.events.length, `${events.length} of ${plan.events.length}`)
    assert.ok(await goesWrong({ ...plan, events }))
  } finally {
    mend()
  }
})

test.run()
