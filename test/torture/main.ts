/**
 * Real faults, one kind after the other, for as long as one likes:
 *
 *   npm run torture -- --minutes 30
 *   npm run torture -- --minutes 5 --only kills,power-torn --seed 7
 *
 * What can't run here says what is missing. Fails if anything went wrong, or if a part that could run proved nothing.
 */
import { parseArgs } from 'node:util'
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
const { values } = parseArgs({ options: { minutes: option, only: option, seed: option, cycles: option, at: option } })
const minutes = Number(values.minutes ?? 10)
const seed = Number(values.seed ?? 1)
const cyclesMax = Number(values.cycles ?? Number.POSITIVE_INFINITY)
const names = values.only?.split(',') ?? PARTS.map(({ name }) => name)

function chosen(): readonly Part[] {
  const unknown = names.filter((name) => !PARTS.some((part) => part.name === name))
  if (unknown.length > 0 || !(minutes > 0) || !Number.isSafeInteger(seed)) {
    console.log(`--minutes above 0, --seed a whole number, --only of ${PARTS.map(({ name }) => name).join(', ')}`)
    process.exit(2)
  }
  return PARTS.filter(({ name }) => names.includes(name))
}

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

const parts = chosen()
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
