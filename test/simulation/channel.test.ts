// Several processes on one directory over channels that lose, delay, reorder and duplicate, processes killed, power
// cut: what producers, transactions and groups saw is judged by the checker of histories, and the end by a model.
//
//   node test/runner/bundles/start.mjs test/simulation/channel.test.ts transactions 17
//
// kind and seed: one run, with all that happened. Without arguments some seeds of each kind.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { numberOf, oneOf } from '../command-line.ts'
import { KINDS, type Kind, usualPlan } from './channel/plan.ts'
import { simulate } from './channel/run.ts'

const SEEDS = 3
const hashes = new Map<Kind, string>()
const [kind, seed] = process.argv.slice(2)

async function show(one: Kind, number: number): Promise<void> {
  const { wrong, ...rest } = await simulate(usualPlan(one, number))
  console.log(rest)
  for (const what of wrong) console.log(what)
  process.exitCode = wrong.length > 0 ? 1 : 0
}

if (kind !== undefined) await show(oneOf('kind', kind, KINDS), numberOf('the seed', seed ?? '', 0))
else {
  const total: Record<string, number> = {}
  for (const each of KINDS) {
    test(`${each}: whatever happens to messages and processes, nobody sees what can't be`, async () => {
      for (let number = 1; number <= SEEDS; number++) {
        const { wrong, counts, hash } = await simulate(usualPlan(each, number))
        hashes.set(each, hash)
        assert.equal(wrong, [], `node test/runner/bundles/start.mjs test/simulation/channel.test.ts ${each} ${number}`)
        for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count
      }
    })
  }

  test('everything that can happen did', () => {
    for (const [name, count] of Object.entries(total)) assert.ok(count > 0, `never: ${name}`)
    console.log(`${SEEDS} runs of each: ${JSON.stringify(total)}`)
  })

  test('the same seed is the same run', async () => {
    for (const [each, hash] of hashes) assert.is((await simulate(usualPlan(each, SEEDS))).hash, hash, each)
  })
  test.run()
}
