/**
 * `npm run fuzz -- --minutes 5 --seed 1`: cases of every kind until the time is up, then counts by kind. A wrong one is
 * made smaller, ends it with 1 and prints the command that repeats it: `--target NAME` with `--bytes HEX` or `--seed S
 * --case N`.
 */
import { byName, minutesOf, numberOf, optionsOf, refuse } from '../command-line.ts'
import { attempt, caseOf } from './fuzz.ts'
import { GROWTH_MAX_BYTES, Tally } from './tally.ts'
import type { FuzzTarget } from './target.ts'
import { allTargets } from './targets/all.ts'
import { Watchdog } from './watchdog.ts'

/** Of a target with share 1 in each round. */
const CASES_A_SHARE = 20

const options = {
  minutes: { type: 'string', default: '1' },
  seed: { type: 'string', default: '1' },
  target: { type: 'string' },
  bytes: { type: 'string' },
  case: { type: 'string' },
} as const
const { values } = optionsOf(
  { options },
  '--minutes above 0, --seed a whole number, --target NAME with --bytes HEX or --case N',
)
const minutes = minutesOf('--minutes', values.minutes)
const seed = numberOf('--seed', values.seed, 0)
const all = await allTargets()
const named = values.target === undefined ? undefined : byName('target', values.target, all)
const targets = named === undefined ? all : [named]
if (values.bytes !== undefined || values.case !== undefined) {
  const target = named ?? refuse('--bytes and --case need --target')
  const bytes =
    values.bytes === undefined
      ? caseOf(target, seed, numberOf('--case', values.case ?? '', 0))
      : new Uint8Array(Buffer.from(values.bytes, 'hex'))
  const outcome = await attempt(target, bytes)
  console.log(outcome)
  if (outcome !== 'taken' && outcome !== 'refused') process.exitCode = 1
} else {
  await untilTimeIsUp(targets)
}
for (const target of targets) await target.end?.()

async function untilTimeIsUp(chosen: readonly FuzzTarget[]): Promise<void> {
  const watchdog = new Watchdog()
  const tally = new Tally(watchdog)
  const end = performance.now() + minutes * 60_000
  for (let round = 0; process.exitCode === undefined && performance.now() < end; round++) {
    for (const target of chosen) {
      const cases = target.share * CASES_A_SHARE
      const { wrong } = await tally.run(target, seed, cases, round * cases)
      if (wrong === undefined) continue
      console.error(wrong)
      process.exitCode = 1
    }
  }
  tally.print()
  if (tally.grownBytes > GROWTH_MAX_BYTES) process.exitCode = 1
  await watchdog.end()
}
