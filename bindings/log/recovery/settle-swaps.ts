import { perform, type Task } from '../../storage/effect.ts'
import type { CheckpointPartition, CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { parseSegmentFileName, rewrittenSegment } from '../files/file-names.ts'
import { headersOf } from '../segment/header-scan.ts'
import type { SegmentContext } from '../segment/segment-context.ts'
import { removeSegment, takePlace } from '../store/segment-rewrite.ts'
import { recoveryMarks } from './marks.ts'

/**
 * What compaction had under way when the log ended: a rewritten segment that the checkpoint notes takes its place, and what it
 * replaces goes; any other is dropped. Each step can be done again. True: entries of the directory have changed.
 */
export function* settleSwaps(
  context: SegmentContext,
  directory: string,
  noted: CheckpointPartition | undefined,
): Task<boolean> {
  const { store } = context
  const names = yield* perform('list', directory, () => store.list(directory))
  let hasChanged = false
  for (const name of names) {
    const rewritten = rewrittenSegment(name)
    if (rewritten === undefined) continue
    hasChanged = true
    const path = `${directory}/${name}`
    const segment = noted?.segments.find(({ baseOffset }) => baseOffset === rewritten.offset)
    if (rewritten.isWhole && segment?.isCleaned === true && (yield* holds(context, path, segment))) {
      recoveryMarks.hit('swap-finished')
      yield* takePlace(store, directory, rewritten.offset)
    } else {
      recoveryMarks.hit('swap-dropped')
      yield* perform('remove', path, () => store.remove(path))
    }
  }
  for (const offset of replacedIn(names, noted?.segments ?? [])) {
    recoveryMarks.hit('replaced-segment-removed')
    hasChanged = true
    yield* removeSegment(store, directory, offset)
  }
  return hasChanged
}

/** Size and heads of all batches, their CRCs among them, are those of the checkpoint. */
function* holds(
  context: SegmentContext,
  path: string,
  { sizeBytes, headerChecksum }: CheckpointSegment,
): Task<boolean> {
  const file = yield* perform('open', path, () => context.store.open(path, { create: false }))
  if (file === undefined) return false
  const isSame = file.size() === sizeBytes && headersOf(context, file, sizeBytes) === headerChecksum
  file.close()
  return isSame
}

/** Segments whose offsets lie in a rewritten one: their removal wasn't durable. */
function replacedIn(names: readonly string[], segments: readonly CheckpointSegment[]): number[] {
  return names.flatMap((name) => {
    const parsed = parseSegmentFileName(name)
    if (parsed?.suffix !== 'log') return []
    const { offset } = parsed
    const isInside = segments.some(
      ({ isCleaned, baseOffset, nextOffset }) => isCleaned && baseOffset < offset && offset < nextOffset,
    )
    return isInside ? [offset] : []
  })
}
