import { join } from 'node:path'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import type { FileSystem } from '../disk/file-system.ts'
import { commandOf, Judge } from '../judge.ts'
import type { Limits } from '../limits.ts'
import type { Report } from '../report.ts'
import { scratchDirectory } from '../undo.ts'
import { Verifier } from '../verifier.ts'
import { Writers } from './writers.ts'

/** A mounted file system that can lose its power. */
export interface PowerSupply {
  readonly files: FileSystem
  cut(random: Random): Promise<void>
  /** Between unmounting and mounting again. */
  restore(): Promise<void>
  remove(): void
}

/** Cuts of one file system, after which a new one is made. */
const GENERATION = 20
/** Most recoveries are those of the next writer. */
const CHECK_CHANCE = 0.4

/** The power goes under writers; mounted again, the file system has what was flushed before, and little else. */
export async function cutPower(
  part: string,
  supply: (scratch: string, report: Report) => Promise<PowerSupply>,
  program: string,
  report: Report,
  limits: Limits,
): Promise<void> {
  for (let seed = limits.seed; report.goesOn(limits); seed++) {
    const scratch = scratchDirectory(part)
    const random = new Random(seed)
    const power = await supply(scratch.path, report)
    const { files } = power
    files.mount()
    const verifier = new Verifier(['power', 'seen'])
    const judge = new Judge(report, verifier, commandOf(part, seed), join(files.place, 'log'))
    const writers = new Writers(program, scratch.path, join(files.place, 'log'), random, judge)
    for (let cut = 0; cut < GENERATION && judge.isIntact && report.goesOn(limits); cut++) {
      await writers.liveUntilCut(() => power.cut(random))
      report.ended(writers.lastStep)
      files.unmount()
      await power.restore()
      files.mount(random.below(100))
      if (random.chance(CHECK_CHANCE)) await judge.check()
      limits.progress(report.ends, 'cuts')
    }
    await judge.checkAll()
    power.remove()
    scratch.now()
  }
}
