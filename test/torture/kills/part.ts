import { spawnSync } from 'node:child_process'
import type { Limits } from '../limits.ts'
import type { Outcome, Part } from '../part.ts'
import { Report } from '../report.ts'
import type { Launcher } from '../victim/victim.ts'
import { killAlone } from './alone.ts'
import { killAttached } from './attached.ts'
import { victimProgram } from './program.ts'

async function killed(goal: number, loop: (program: string, report: Report) => Promise<void>): Promise<Outcome> {
  const report = new Report()
  await loop(await victimProgram(), report)
  return report.outcome('SIGKILL cycles', goal)
}

export const kills: Part = {
  name: 'kills',
  weight: 3,
  missing: () => undefined,
  run: (limits) => killed(7000, (program, report) => killAlone(program, report, limits)),
}

function crowdPart(
  name: string,
  weight: number,
  goal: number,
  launchers: readonly Launcher[],
  missing: Part['missing'],
): Part {
  const run = (limits: Limits): Promise<Outcome> =>
    killed(goal, (program, report) => killAttached(name, launchers, program, report, limits))
  return { name, weight, missing, run }
}

export const attached: Part = crowdPart('attached', 2, 3000, [[], [], []], () => undefined)

/** `unshare` becomes the program that it starts: a kill of the one is a kill of the other. */
const OWN_NETWORK: Launcher = ['unshare', '--net']

/**
 * Two processes that share the directory and no network: one of them holds it, the other one is attached or refused.
 */
export const namespaces: Part = crowdPart('namespaces', 1, 100, [[], OWN_NETWORK], () => {
  const { status, error, stderr } = spawnSync('unshare', ['--net', 'true'], { encoding: 'utf8' })
  return status === 0 ? undefined : `needs root and unshare (Debian: util-linux): ${error?.message ?? stderr.trim()}`
})
