import { join } from 'node:path'
import { Random } from '../../../bindings/testkit/simulation/random.ts'
import { type DiskFault, diskProgram, FaultDisk, missingForFaultDisk } from '../disk/fault-disk.ts'
import { commandOf, Judge } from '../judge.ts'
import { victimProgram } from '../kills/program.ts'
import type { Part } from '../part.ts'
import { Report } from '../report.ts'
import { scratchDirectory } from '../undo.ts'
import { Verifier } from '../verifier.ts'
import { FailingLives } from './failing-lives.ts'

/** Failures of one file system, after which a new one is made: each may leave it marked as damaged. */
const GENERATION = 12
const EIO = 5
const ENOSPC = 28
const FOR_EVER = 1_000_000_000

function drawFault(random: Random): DiskFault {
  return {
    kind: random.chance(0.6) ? 'write' : 'flush',
    errno: random.chance(0.7) ? EIO : ENOSPC,
    left: random.chance(0.4) ? 1 : FOR_EVER,
  }
}

/** The disk below a mounted file system fails, at each step of a checkpoint and elsewhere; later it works again. */
export const blockErrors: Part = {
  name: 'block-errors',
  weight: 2,
  missing: () => missingForFaultDisk('ext4'),
  async run(limits) {
    const report = new Report()
    const disks = await diskProgram()
    const program = await victimProgram()
    for (let seed = limits.seed; report.goesOn(limits); seed++) {
      const scratch = scratchDirectory('block-errors')
      const random = new Random(seed)
      const disk = await FaultDisk.make(disks, 'ext4', scratch.path)
      disk.files.mount()
      // What the device refused is gone from the page cache too: only what was flushed counts.
      const verifier = new Verifier(['power', 'seen'])
      const directory = join(disk.files.place, 'log')
      const judge = new Judge(report, verifier, commandOf('block-errors', seed), directory)
      const lives = new FailingLives(program, scratch.path, directory, random, { report, judge })
      for (let at = 0; at < GENERATION && judge.isIntact && report.goesOn(limits); at++) {
        await lives.liveWith({ harm: () => disk.fail(drawFault(random)) })
        disk.files.unmount()
        report.count({ 'operations that failed': await disk.heal() })
        disk.files.mount()
        await judge.check()
        limits.progress(report.ends, 'failing disks')
      }
      await judge.checkAll()
      disk.remove()
      scratch.now()
    }
    return report.outcome('disks that failed', 200)
  },
}
