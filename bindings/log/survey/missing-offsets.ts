import { segmentFileName } from '../files/file-names.ts'
import type { FrameRun } from '../journal/frame-entry.ts'
import type { Hole, IntactRun } from './intact-run.ts'

/** What is known of a partition besides its segments. */
interface Known {
  readonly directory: string
  /** What frames say was written. */
  readonly runs: readonly FrameRun[]
  readonly logStartOffset: number
}

/** What its segments have. */
interface Found {
  readonly intact: readonly Pick<IntactRun, 'baseOffset' | 'nextOffset'>[]
  readonly holes: readonly Hole[]
}

/** The offsets that frames say were written and no segment has, neither whole nor as known damage. */
export function missingOffsets({ directory, runs, logStartOffset }: Known, { intact, holes }: Found): readonly Hole[] {
  const damaged = holes.map(({ offset, nextOffset }) => {
    return { baseOffset: offset, nextOffset: nextOffset ?? Number.POSITIVE_INFINITY }
  })
  const accounted = [...intact, ...damaged].sort((a, b) => a.baseOffset - b.baseOffset)
  return runs.flatMap((run) => {
    const missing: Hole[] = []
    let offset = Math.max(run.baseOffset, logStartOffset)
    const lack = (nextOffset: number) => {
      if (nextOffset > offset) missing.push({ offset, nextOffset, ...placeOf(directory, run), code: 'is missing' })
    }
    for (const { baseOffset, nextOffset } of accounted) {
      if (nextOffset <= offset || baseOffset >= run.nextOffset) continue
      lack(Math.min(baseOffset, run.nextOffset))
      offset = nextOffset
    }
    lack(run.nextOffset)
    return missing
  })
}

/** A decision's frame names no place in a segment. */
function placeOf(directory: string, run: FrameRun): Pick<Hole, 'file' | 'position'> {
  if (run.kind === 'decision') return { file: directory, position: 0 }
  return { file: `${directory}/${segmentFileName(run.segmentBaseOffset, 'log')}`, position: run.position }
}
