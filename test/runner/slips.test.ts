// A wrong word on the command line of a program that is run by hand is answered with the possible ones. Once it ended
// in a stack, or, as with `npm run mutants -- nosuch`, in a run of nothing that took minutes.
import { execFile } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const SLIPS: readonly (readonly [path: string, words: readonly string[], told: RegExp])[] = [
  ['bench/run.ts', ['--row', 'nosuch'], /no row "nosuch"; there are: bulk, /],
  ['bench/run.ts', ['--rival', 'nosuch'], /no rival "nosuch"; there are: .*sqlite-full/],
  ['bench/run.ts', ['--rwo', 'bulk'], /'--rwo'[\s\S]*--row NAMES/],
  ['bench/run.ts', ['--rounds', 'x'], /--rounds must be a whole number from 1 on/],
  ['bench/peers/run.ts', ['--peer', 'nosuch'], /no peer "nosuch"; there are: .*sqlite-full/],
  ['bench/peers/run.ts', ['--workload', 'nosuch'], /no workload "nosuch"; there are: bulk, /],
  ['bench/peers/run.ts', ['nosuch'], /'nosuch'[\s\S]*--workload NAMES/],
  ['bench/limits/all.ts', ['soak', 'nosuch'], /no bench with "nosuch" in its name; there are: partitions, /],
  ['test/mutants/main.ts', ['nosuch'], /no mutant with "nosuch" in its name; there are: /],
  ['test/torture/main.ts', ['--only', 'nosuch'], /no part "nosuch"; there are: kills, /],
  ['test/torture/main.ts', ['--minuts', '1'], /'--minuts'[\s\S]*--minutes above 0/],
  ['test/fuzz/main.ts', ['--target', 'nosuch'], /no target "nosuch"; there are: .*checkpoint files/],
  ['test/fuzz/main.ts', ['--minutes', '0'], /--minutes must be above 0/],
  ['test/simulation/torture.ts', ['0'], /minutes must be above 0/],
  ['test/simulation/swarm.ts', ['--runs', '0'], /--runs must be a whole number from 1 on/],
  ['test/simulation/replay.test.ts', ['nosuch', 'acks 1'], /no system "nosuch"; there are: engine/],
  ['test/simulation/replay.test.ts', ['toy', 'nosuch'], /no scenario "nosuch"; there are: single append/],
  ['test/simulation/replay.test.ts', ['toy', 'single append, acks all', '7', '99999.0'], /crashes at 99999.0/],
  ['test/simulation/channel.test.ts', ['nosuch', '1'], /no kind "nosuch"; there are: .*transactions/],
]

function run(path: string, words: readonly string[]): Promise<{ readonly code: unknown; readonly told: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', path, ...words], (error, _out, told) => {
      resolve({ code: error?.code ?? 0, told })
    })
  })
}

for (const [path, words, expected] of SLIPS) {
  test(`${path} ${words.join(' ')}`, async () => {
    const { code, told } = await run(path, words)
    assert.match(told, expected)
    assert.not.match(told, /^ +at /m, 'no stack')
    assert.is(code, 2)
  })
}

test.run()
