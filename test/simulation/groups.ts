/**
 * Members of consumer groups that come, go and do what they shouldn't, each run with another mix, on all cores:
 *
 *   node --import tsx test/simulation/groups.ts --runs 500
 *   node --import tsx test/simulation/groups.ts --minutes 10 --seed 5000
 *   node --import tsx test/simulation/groups.ts --seed 17 --runs 1 --features "closes,slow handlers" --trace
 *
 * Prints how often each thing came. A run that goes wrong is tried without its features one by one, and printed with
 * the command that repeats it; --trace, of one run, prints all that members were told and did. Fails if one went wrong.
 */
import { minutesOf, numberOf, oneOf, optionsOf } from '../command-line.ts'
import type { GroupJob, GroupRun } from './groups/group-run.ts'
import { FEATURES, groupPlan } from './groups/plan.ts'
import { simulateGroups } from './groups/run.ts'
import { inProcesses } from './processes.ts'

const option = { type: 'string' } as const
const flag = { type: 'boolean', default: false } as const
const { values } = optionsOf(
  { options: { runs: option, minutes: option, seed: option, features: option, trace: flag } },
  '--runs N or --minutes N, --seed N, --features with commas, --trace',
)
const firstSeed = numberOf('--seed', values.seed ?? '1', 0)
const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : minutesOf('--minutes', values.minutes)
const isTimed = values.runs === undefined && values.minutes !== undefined
const runs = isTimed ? Number.POSITIVE_INFINITY : numberOf('--runs', values.runs ?? '100', 1)
const endMs = performance.now() + minutes * 60_000
const features = values.features?.split(',').map((name) => oneOf('feature', name, FEATURES))
const counts = new Map<string, number>()
const totals = { runs: 0, failed: 0 }

function* jobs(): Iterator<GroupJob> {
  for (let seed = firstSeed; seed < firstSeed + runs && performance.now() < endMs; seed++) yield { seed, features }
}

function heard(run: GroupRun): void {
  totals.runs++
  for (const [name, count] of run.outcome.counts) counts.set(name, (counts.get(name) ?? 0) + count)
  if (run.outcome.wrong.length === 0) return
  totals.failed++
  const list = run.features.join(',')
  console.log(`\nnode --import tsx test/simulation/groups.ts --seed ${run.seed} --runs 1 --features "${list}" --trace`)
  for (const what of run.outcome.wrong.slice(0, 5)) console.log(`  ${what}`)
}

async function traced(): Promise<void> {
  const plan = groupPlan(firstSeed)
  const { wrong, hash } = await simulateGroups(
    features === undefined ? plan : { ...plan, features: new Set(features) },
    (what) => console.log(what),
  )
  console.log(`${wrong.length} wrong, trace ${hash}`)
  process.exitCode = wrong.length > 0 ? 1 : 0
}

if (values.trace) await traced()
else {
  await inProcesses<GroupJob, GroupRun>(new URL('groups/group-process.ts', import.meta.url), jobs(), heard)
  console.log(`${totals.runs} runs, ${totals.failed} failed`)
  for (const [name, count] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) console.log(`  ${name}: ${count}`)
  process.exitCode = totals.runs > 0 && totals.failed === 0 ? 0 : 1
}
