import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { unmount } from '../disk/file-system.ts'
import { isRoot, run } from '../disk/programs.ts'
import { commandOf, Judge } from '../judge.ts'
import { victimProgram } from '../kills/program.ts'
import type { Part } from '../part.ts'
import { Report } from '../report.ts'
import { scratchDirectory, undoAtExit } from '../undo.ts'
import { Verifier } from '../verifier.ts'
import { FailingLives } from './failing-lives.ts'

const GENERATION = 10
const SIZE = '64m'
const BALLAST_BYTES = 800_000
/** Of lives for which nobody makes room: they have a topic to delete. */
const ALONE_CHANCE = 0.5

/** Takes all the room that there is. */
function fill(path: string): void {
  const chunk = Buffer.alloc(64 * 1024, 1)
  const file = openSync(path, 'w')
  try {
    for (;;) writeSync(file, chunk)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  } finally {
    closeSync(file)
  }
}

/**
 * A small tmpfs has no room any more, at each step of a checkpoint and elsewhere; then there is room, and the log goes
 * on.
 */
export const fullDisk: Part = {
  name: 'full',
  weight: 1,
  missing: () => (isRoot() ? undefined : 'needs root, to mount a tmpfs'),
  async run(limits) {
    const report = new Report()
    const program = await victimProgram()
    for (let seed = limits.seed; report.goesOn(limits); seed++) {
      const scratch = scratchDirectory('full')
      const random = new Random(seed)
      const place = join(scratch.path, 'mounted')
      mkdirSync(place)
      run('mount', '-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', place)
      const mounted = undoAtExit(() => unmount(place))
      const directory = join(place, 'log')
      const filler = join(place, 'filler')
      const verifier = new Verifier(['process', 'power', 'seen'])
      const judge = new Judge(report, verifier, commandOf('full', seed), directory)
      const lives = new FailingLives(program, scratch.path, directory, random, { report, judge })
      const heal = (): void => rmSync(filler, { force: true })
      for (let at = 0; at < GENERATION && judge.isIntact && report.goesOn(limits); at++) {
        const heals = random.chance(ALONE_CHANCE) ? undefined : heal
        await lives.liveWith({ harm: () => fill(filler), heal: heals, ballastBytes: BALLAST_BYTES })
        heal()
        await lives.liveWith({ harm: () => {}, heal: () => {} })
        await judge.check()
        limits.progress(report.ends, 'full disks')
      }
      await judge.checkAll()
      mounted.now()
      scratch.now()
    }
    return report.outcome('disks that were full', 200)
  },
}
