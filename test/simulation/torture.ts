/**
 * Crashes the real engine for as long as one likes, scenario after scenario, with a new seed each round:
 *
 *   node --import tsx test/simulation/torture.ts 10 [first seed]
 *
 * minutes and the first seed. Prints what failed and the command that shows it again; fails if anything did.
 */
import { describeFailure, Enumerator } from '../../bindings/testkit/simulation/crash/enumerator.ts'
import { Marks } from '../../bindings/testkit/simulation/crash/marks.ts'
import { SCENARIOS } from '../../bindings/testkit/simulation/crash/scenarios.ts'
import { engineSystem } from '../../bindings/testkit/simulation/engine-system.ts'
import { describeDiskError, tryDiskErrors } from './disk-errors.ts'

const minutes = Number(process.argv[2] ?? 1)
const firstSeed = Number(process.argv[3] ?? 1)
const end = performance.now() + minutes * 60_000
const marks = new Marks()
/** Every n-th operation of a scenario fails in a round: which ones differs from seed to seed. */
const DISK_ERROR_STEP = 7
const total = { rounds: 0, points: 0, images: 0, duplicates: 0, diskErrors: 0, failed: 0 }

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function round(seed: number): void {
  for (const scenario of SCENARIOS) {
    if (performance.now() > end) return
    const options = { seed, marks, nestedChances: [0.05, 0.03] }
    const found = new Enumerator(engineSystem, scenario, options).explore()
    total.points += found.points
    total.images += found.images + found.nestedImages
    total.duplicates += found.duplicates
    total.failed += found.failedImages
    for (const failure of found.failures.slice(0, 3)) print(describeFailure(engineSystem.name, failure))
    const failing = tryDiskErrors(scenario, seed, DISK_ERROR_STEP)
    total.diskErrors += failing.struck
    total.failed += failing.failures.length
    for (const each of failing.failures.slice(0, 3)) print(describeDiskError(each))
  }
  total.rounds++
}

const begin = performance.now()
for (let seed = firstSeed; performance.now() < end; seed++) round(seed)
const perSecond = Math.round((total.images / (performance.now() - begin)) * 1000)
print(
  `${total.rounds} rounds, ${total.points} points, ${total.images} images (${perSecond}/s), ${total.duplicates} of them ` +
    `judged before, ${total.diskErrors} failing operations, ${total.failed} failed`,
)
print(marks.summary())
process.exitCode = total.failed > 0 ? 1 : 0
