/**
 * Whole logs in several processes, each run with another mix of sizes, programs and trouble, on all cores:
 *
 *   node --import tsx test/simulation/swarm.ts --runs 2000
 *   node --import tsx test/simulation/swarm.ts --minutes 10 --seed 5000
 *   node --import tsx test/simulation/swarm.ts --seed 17 --runs 1 --events 0,4,7     one run, only with these of its events
 *
 * Prints how often each kind of trouble came. A run that goes wrong is cut down to the events that it needs, and
 * printed with the command that repeats it. Fails if one did, or if a rare path was never taken in a run of at least
 * 200.
 */
import { minutesOf, numberOf, optionsOf } from '../command-line.ts'
import { SwarmReport } from './channel/swarm-report.ts'
import type { SwarmJob, SwarmRun } from './channel/swarm-run.ts'
import { inProcesses } from './processes.ts'

const option = { type: 'string' } as const
const options = { runs: option, minutes: option, seed: option, events: option }
const { values } = optionsOf(
  { options },
  '--runs N or --minutes N, --seed N, --events none or their numbers with commas',
)
const firstSeed = numberOf('--seed', values.seed ?? '1', 0)
const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : minutesOf('--minutes', values.minutes)
const isTimed = values.runs === undefined && values.minutes !== undefined
const runs = isTimed ? Number.POSITIVE_INFINITY : numberOf('--runs', values.runs ?? '100', 1)
const endMs = performance.now() + minutes * 60_000
const kept = values.events === 'none' ? [] : values.events?.split(',').map((text) => numberOf('--events', text, 0))

function* jobs(): Iterator<SwarmJob> {
  for (let seed = firstSeed; seed < firstSeed + runs && performance.now() < endMs; seed++) yield { seed, kept }
}

const report = new SwarmReport(runs)
const file = new URL('channel/swarm-process.ts', import.meta.url)
await inProcesses<SwarmJob, SwarmRun>(file, jobs(), (run) => report.add(run))
process.exitCode = report.end() ? 0 : 1
