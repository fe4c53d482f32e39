import { perform, type Task } from '../../storage/effect.ts'
import type { CheckpointPartition, CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { parseSegmentFileName, rewrittenSegment, SWAP_SUFFIX, segmentFileName } from '../files/file-names.ts'
import { recoveryMarks } from '../recovery-marks.ts'
import type { SegmentContext } from '../segment/segment-context.ts'
import { removeSegment, takePlace } from '../stored-files/segment-rewrite.ts'
import { isNotedSegment, isReplaced } from '../survey/noted-segments.ts'

/**
 * The file of a rewritten segment that isn't what the checkpoint noted; the segments that it was to replace are still
 * there.
 */
export interface DamagedSwap {
  readonly file: string
  readonly offset: number
}

/**
 * Finishes what compaction had under way when the log ended: a rewritten segment that the checkpoint notes takes its
 * place, and the segments that it replaces are removed; any other rewritten segment is dropped. Each step can be
 * repeated; nothing is synced here. If the noted one is damaged, nothing is removed.
 */
export function* settleSwaps(
  context: SegmentContext,
  directory: string,
  noted: CheckpointPartition | undefined,
): Task<DamagedSwap | undefined> {
  const { store } = context
  const names = yield* perform('list', directory, () => store.list(directory))
  const cleaned = noted?.segments.filter(({ isCleaned }) => isCleaned) ?? []
  const affected = cleaned.filter((segment) => isAffected(segment, names))
  const placed = new Set<string>()
  for (const segment of affected) {
    const file = yield* whereNoted(context, directory, names, segment)
    if (file.isDamaged) return { file: file.path, offset: segment.baseOffset }
    if (!file.path.endsWith(SWAP_SUFFIX)) continue
    recoveryMarks.hit('swap-finished')
    yield* takePlace(store, directory, segment.baseOffset)
    placed.add(file.path)
  }
  for (const name of names) {
    const path = `${directory}/${name}`
    const parsed = parseSegmentFileName(name)
    if (rewrittenSegment(name) !== undefined && !placed.has(path)) {
      recoveryMarks.hit('swap-dropped')
      yield* perform('remove', path, () => store.remove(path))
    } else if (parsed?.suffix === 'log' && isReplaced(parsed.offset, cleaned)) {
      recoveryMarks.hit('replaced-segment-removed')
      yield* removeSegment(store, directory, parsed.offset)
    }
  }
  return undefined
}

/** Whether what it replaces, or itself under its first name, is still there. */
function isAffected(segment: CheckpointSegment, names: readonly string[]): boolean {
  return names.some((name) => {
    const rewritten = rewrittenSegment(name)
    if (rewritten !== undefined) return rewritten.isWhole && rewritten.offset === segment.baseOffset
    const parsed = parseSegmentFileName(name)
    return parsed?.suffix === 'log' && isReplaced(parsed.offset, [segment])
  })
}

/** The file that is the noted segment, or should be. */
function* whereNoted(
  context: SegmentContext,
  directory: string,
  names: readonly string[],
  segment: CheckpointSegment,
): Task<{ readonly path: string; readonly isDamaged: boolean }> {
  const name = segmentFileName(segment.baseOffset, 'log')
  const path = `${directory}/${name}`
  if (yield* isNotedSegment(context, path, segment)) return { path, isDamaged: false }
  if (!names.includes(name + SWAP_SUFFIX)) return { path, isDamaged: true }
  const isDamaged = !(yield* isNotedSegment(context, path + SWAP_SUFFIX, segment))
  return { path: path + SWAP_SUFFIX, isDamaged }
}
