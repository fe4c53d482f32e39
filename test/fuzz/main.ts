/** `npm run fuzz -- --minutes N --seed S`: prints cases by kind; a wrong one ends it with 1 and the command that repeats it. */
import { parseArgs } from 'node:util'
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import { fuzz } from './fuzz.ts'
import { fuzzTargets } from './targets.ts'

const CASES_AT_ONCE = 10_000
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string', default: '1' } },
})
const end = performance.now() + Number(values.minutes) * 60_000
const kernel = createKernel(loadKernelModule(), { capBytes: 16 * 1024 * 1024 })
const counts = new Map<string, { cases: number; refused: number }>()
for (let seed = Number(values.seed); process.exitCode === undefined && performance.now() < end; seed++) {
  for (const target of fuzzTargets(kernel)) {
    const { cases, refused, wrong } = fuzz(target, seed, CASES_AT_ONCE)
    const count = counts.get(target.name) ?? { cases: 0, refused: 0 }
    counts.set(target.name, { cases: count.cases + cases, refused: count.refused + refused })
    if (wrong.length === 0) continue
    console.error(`${wrong.join('\n')}\nnpm run fuzz -- --seed ${seed}`)
    process.exitCode = 1
  }
}
console.table(Object.fromEntries(counts))
