import { segmentFileName } from '../files/file-names.ts'
import type { FrameRun } from '../journal/frame.ts'
import type { Hole, IntactRun } from './intact-run.ts'

type Found = Pick<IntactRun, 'baseOffset' | 'nextOffset'>

/** The offsets that frames say were written and no segment has, neither whole nor as known damage. */
export function missingOffsets(
  directory: string,
  runs: readonly FrameRun[],
  found: readonly Found[],
  holes: readonly Hole[],
  logStartOffset: number,
): readonly Hole[] {
  const damaged = holes.map(({ offset, nextOffset }) => {
    return { baseOffset: offset, nextOffset: nextOffset ?? Number.POSITIVE_INFINITY }
  })
  const known = [...found, ...damaged].sort((a, b) => a.baseOffset - b.baseOffset)
  return runs.flatMap((run) => {
    const parts: Hole[] = []
    let offset = Math.max(run.baseOffset, logStartOffset)
    const lack = (nextOffset: number) => {
      if (nextOffset > offset) parts.push({ offset, nextOffset, ...placeOf(directory, run), code: 'is missing' })
    }
    for (const { baseOffset, nextOffset } of known) {
      if (nextOffset <= offset || baseOffset >= run.nextOffset) continue
      lack(Math.min(baseOffset, run.nextOffset))
      offset = nextOffset
    }
    lack(run.nextOffset)
    return parts
  })
}

/** A decision's frame names no place in a segment. */
function placeOf(directory: string, run: FrameRun): Pick<Hole, 'file' | 'position'> {
  if (run.kind === 'decision') return { file: directory, position: 0 }
  return { file: `${directory}/${segmentFileName(run.segmentBaseOffset, 'log')}`, position: run.position }
}
