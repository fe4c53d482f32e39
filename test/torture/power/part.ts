import type { Random } from '../../../bindings/testkit/simulation/random.ts'
import { diskProgram, FaultDisk, missingForFaultDisk } from '../disk/fault-disk.ts'
import { type CutFlag, FileSystem, type FileSystemKind, missingFor } from '../disk/file-system.ts'
import type { Leaving } from '../disk/torn-image.ts'
import { victimProgram } from '../kills/program.ts'
import type { Part } from '../part.ts'
import { Report } from '../report.ts'
import { cutPower, type PowerSupply } from './loop.ts'

/** By chance: the last one loses the most. */
const FLAGS: readonly CutFlag[] = ['everything', 'with its log', 'without its log', 'without its log']
/** Of the disk, so that some of them have no flush after them. */
const AFTER_WRITES_MAX = 12
const LEAVINGS: readonly Leaving[] = ['none', 'all', 'some', 'some', 'some']

function oneOf<T>(all: readonly T[], random: Random): T {
  return all[random.below(all.length)] as T
}

/** The file system is shut down: of what it has noted and not written, nothing reaches its disk any more. */
async function shutdown(kind: FileSystemKind, scratch: string): Promise<PowerSupply> {
  const files = FileSystem.make(kind, scratch)
  return {
    files,
    cut: async (random) => files.cut(oneOf(FLAGS, random)),
    restore: async () => {},
    remove: () => files.unmount(),
  }
}

/** The disk below the file system loses of each sector that it hasn't flushed any number of writes. */
async function tornDisk(program: string, kind: FileSystemKind, scratch: string, report: Report): Promise<PowerSupply> {
  const disk = await FaultDisk.make(program, kind, scratch)
  return {
    files: disk.files,
    async cut(random) {
      const { lost, open } = await disk.cut(
        oneOf(LEAVINGS, random),
        random.below(1_000_000),
        1 + random.below(AFTER_WRITES_MAX),
      )
      report.count({ 'sectors lost': lost, 'sectors not flushed': open })
    },
    restore: async () => void (await disk.heal()),
    remove: () => disk.remove(),
  }
}

type Supply = (scratch: string, report: Report) => Promise<PowerSupply>

/** `begin` makes what the whole run needs, and answers how each of its file systems is made. */
function powerPart(part: Omit<Part, 'run'>, what: string, goal: number, begin: () => Promise<Supply>): Part {
  return {
    ...part,
    async run(limits) {
      const report = new Report()
      await cutPower(part.name, await begin(), await victimProgram(), report, limits)
      return report.outcome(what, goal)
    },
  }
}

function shutdownPart(kind: FileSystemKind, weight: number, goal: number): Part {
  const part = { name: `power-${kind}`, weight, missing: () => missingFor(kind) }
  return powerPart(part, `shutdowns of ${kind}`, goal, async () => (scratch) => shutdown(kind, scratch))
}

function tornPart(kind: FileSystemKind, weight: number, goal: number): Part {
  const part = { name: `torn-${kind}`, weight, missing: () => missingForFaultDisk(kind) }
  return powerPart(part, `cuts of a disk that tears under ${kind}`, goal, async () => {
    const program = await diskProgram()
    return (scratch, report) => tornDisk(program, kind, scratch, report)
  })
}

export const powerExt4: Part = shutdownPart('ext4', 2, 200)
export const powerXfs: Part = shutdownPart('xfs', 1, 100)
export const tornExt4: Part = tornPart('ext4', 2, 100)
export const tornXfs: Part = tornPart('xfs', 1, 50)
export const tornBtrfs: Part = tornPart('btrfs', 1, 50)
