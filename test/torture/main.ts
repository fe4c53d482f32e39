/**
 * Real faults, one kind after the other, for as long as one likes:
 *
 *   npm run torture -- --minutes 30
 *   npm run torture -- --minutes 5 --only kills,power-torn --seed 7
 *
 * What can't run here says what is missing. Fails if anything went wrong, or if a part that could run proved nothing.
 */
import { minutesOf, numberOf, oneOf, optionsOf } from '../command-line.ts'
import { channel, copies, enumeration, shortages, swarm, toy } from './commands.ts'
import { blockErrors } from './errors/block.ts'
import { fullDisk } from './errors/full.ts'
import { memory } from './kills/memory.ts'
import { attached, kills, namespaces } from './kills/part.ts'
import type { Outcome, Part } from './part.ts'
import { powerExt4, powerXfs, tornBtrfs, tornExt4, tornXfs } from './power/part.ts'
import { syscallErrors, syscallKills } from './syscalls/part.ts'
import { type PartResult, table, verdictOf } from './table.ts'

const PARTS: readonly Part[] = [
  ...[kills, attached, powerExt4, powerXfs, tornExt4, tornXfs, tornBtrfs],
  ...[syscallKills, syscallErrors, blockErrors, fullDisk, namespaces, memory],
  ...[copies, shortages, enumeration, swarm, toy, channel],
]

const option = { type: 'string' } as const
const options = { minutes: option, only: option, seed: option, cycles: option, at: option }
const ALL = PARTS.map(({ name }) => name)
const USAGE = `--minutes above 0, --seed and --cycles whole numbers, --only of ${ALL.join(', ')}, --at as a failure prints it`
const { values } = optionsOf({ options }, USAGE)
const minutes = minutesOf('--minutes', values.minutes ?? '10')
const seed = numberOf('--seed', values.seed ?? '1', 0)
const cyclesMax = values.cycles === undefined ? Number.POSITIVE_INFINITY : numberOf('--cycles', values.cycles, 1)
const names = values.only?.split(',').map((name) => oneOf('part', name, ALL)) ?? ALL

async function runPart(part: Part, endMs: number): Promise<Outcome> {
  let saidMs = performance.now()
  const progress = (done: number, of: string): void => {
    if (performance.now() - saidMs < 5000) return
    saidMs = performance.now()
    console.log(`  ${part.name}: ${done} ${of}, ${Math.max(0, Math.round((endMs - saidMs) / 1000))} s left`)
  }
  try {
    return await part.run({ endMs, cyclesMax, seed, at: values.at, progress })
  } catch (error) {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { rows: [], failures: [`${why}\n  npm run torture -- --only ${part.name} --seed ${seed}`] }
  }
}

const parts = PARTS.filter(({ name }) => names.includes(name))
const results: PartResult[] = []
const able = parts.filter((part) => part.missing() === undefined)
const weights = able.reduce((sum, { weight }) => sum + weight, 0)
for (const part of parts) {
  const missing = part.missing()
  if (missing !== undefined) {
    console.log(`${part.name}: NOT RUN, ${missing}`)
    results.push({ part, missing })
    continue
  }
  console.log(`${part.name} …`)
  const begunMs = performance.now()
  const outcome = await runPart(part, begunMs + (minutes * 60_000 * part.weight) / weights)
  for (const failure of outcome.failures) console.log(`${part.name} FAILED: ${failure}`)
  results.push({ part, outcome, seconds: (performance.now() - begunMs) / 1000 })
}
console.log(table(results))
process.exit(results.some((result) => verdictOf(result) === 'FAILED') ? 1 : 0)
