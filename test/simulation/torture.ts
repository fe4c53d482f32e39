/**
 * Crashes the real engine for as long as one likes, scenario after scenario on all cores, with a new seed each round;
 * every second one crashes recoveries again, and those too:
 *
 *   node --import tsx test/simulation/torture.ts 10 [first seed]
 *
 * minutes and the first seed. Prints what failed and the command that shows it again; fails if anything did.
 */
import { Marks } from '../../bindings/testkit/simulation/crash/marks.ts'
import { SCENARIOS } from '../../bindings/testkit/simulation/crash/scenarios.ts'
import { minutesOf, numberOf } from '../command-line.ts'
import { inProcesses } from './processes.ts'
import type { TortureAnswer, TortureJob } from './torture-process.ts'

const minutes = minutesOf('the time in minutes', process.argv[2] ?? '1')
const firstSeed = numberOf('the first seed', process.argv[3] ?? '1', 0)
const endMs = Date.now() + minutes * 60_000
const marks = new Marks()
const total = { scenarios: 0, points: 0, images: 0, duplicates: 0, diskErrors: 0, failed: 0, cpuMs: 0 }

function* jobs(): Iterator<TortureJob> {
  for (let seed = firstSeed; ; seed++) {
    for (const { name } of SCENARIOS) {
      if (Date.now() > endMs) return
      yield { seed, name, endMs }
    }
  }
}

function add({ found, isCutShort, diskErrors, failed, failures, taken, cpuMs }: TortureAnswer): void {
  if (!isCutShort) total.scenarios++
  total.points += found.points
  total.images += found.images + found.nestedImages
  total.duplicates += found.duplicates
  total.diskErrors += diskErrors
  total.failed += failed
  total.cpuMs += cpuMs
  for (const [name, count] of taken) marks.mark(name, count)
  for (const failure of failures) process.stdout.write(`${failure}\n`)
}

await inProcesses<TortureJob, TortureAnswer>(new URL('torture-process.ts', import.meta.url), jobs(), add)
const { scenarios, points, images, duplicates, diskErrors, failed, cpuMs } = total
process.stdout.write(
  `${scenarios} scenarios from end to end, ${Math.floor(scenarios / SCENARIOS.length)} rounds of all ${SCENARIOS.length}, ${points} points, ${images} images ` +
    `(${Math.round((images / cpuMs) * 1000)} for each second of a core), ${duplicates} of them judged before, ` +
    `${diskErrors} failing operations, ${failed} failed\n${marks.summary()}\n`,
)
process.exitCode = failed > 0 ? 1 : 0
