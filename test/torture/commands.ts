import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Part, Row } from './part.ts'

interface Command {
  readonly name: string
  readonly weight: number
  words(minutes: number, seed: number): readonly string[]
  /** What it counts, and how it says so. */
  readonly counts: readonly { readonly what: string; readonly goal?: number; readonly pattern: RegExp }[]
}

/** A part that is a command of its own. */
function commandPart({ name, weight, words, counts }: Command): Part {
  return {
    name,
    weight,
    missing: () => undefined,
    async run({ endMs, seed }) {
      const given = ['--import', 'tsx', ...words(Math.max(0.05, (endMs - performance.now()) / 60_000), seed)]
      const child = spawn(process.execPath, given, { stdio: ['ignore', 'pipe', 'pipe'] })
      let said = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
      const [code] = (await once(child, 'close')) as [number | null]
      const rows = counts.map(({ what, goal, pattern }): Row => {
        return { what, goal, count: Number((pattern.exec(said)?.[1] ?? '0').replaceAll(',', '')) }
      })
      return { rows, failures: code === 0 ? [] : [`${said}\n  node ${given.join(' ')}`] }
    },
  }
}

/** Crash points of the simulated disk, all scenarios, two deep. */
export const enumeration: Part = commandPart({
  name: 'enumeration',
  weight: 2,
  words: (minutes, seed) => ['test/simulation/torture.ts', `${minutes}`, `${seed}`],
  counts: [{ what: 'enumerated crash images', goal: 200_000, pattern: /([\d,]+) images/ }],
})

/** Whole logs in several simulated processes, with another mix of trouble in each run. */
export const swarm: Part = commandPart({
  name: 'swarm',
  weight: 2,
  words: (minutes, seed) => ['test/simulation/swarm.ts', '--minutes', `${minutes}`, '--seed', `${seed}`],
  counts: [{ what: 'random simulated runs', goal: 2000, pattern: /([\d,]+) runs/ }],
})

/** A simulation of the tests with its large counts, as it stands. */
const LARGE = ['test/runner/bundles/start.mjs']

/** What uvu closes with: of a failure the pattern finds nothing. */
const ALL_PASSED = /Total: +(\d+)\s+Passed: +\1\b/

/** Log and planted mistakes that show whether the tools of the simulation are right. */
export const toy: Part = commandPart({
  name: 'toy',
  weight: 0.5,
  words: () => [...LARGE, 'test/simulation/toy.heavy.test.ts', 'all'],
  counts: [{ what: 'images of the simple log', pattern: /points, ([\d,]+) images/ }],
})

/** Processes with trouble between them, the same mix of it in each run, and mechanisms taken out. */
export const channel: Part = commandPart({
  name: 'channel',
  weight: 0.5,
  words: () => [...LARGE, 'test/simulation/channel-faults.heavy.test.ts', 'all'],
  counts: [{ what: 'mechanisms taken out and runs of each kind', pattern: ALL_PASSED }],
})

const PASSED = /([\d,]+) passed/

/** A directory that is copied, at rest and while it is written to. */
export const copies: Part = commandPart({
  name: 'copies',
  weight: 0.2,
  words: () => ['test/run.ts', 'damage/copied-directory'],
  counts: [{ what: 'tests of copied directories', pattern: PASSED }],
})

/** Descriptors, one more each time; a device that fills up; a directory that may not be written. */
export const shortages: Part = commandPart({
  name: 'shortages',
  weight: 0.2,
  words: () => ['test/run.ts', 'damage/limits'],
  counts: [{ what: 'tests of few descriptors and rights', pattern: PASSED }],
})
