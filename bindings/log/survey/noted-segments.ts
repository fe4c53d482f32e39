import { perform, type Task } from '../../storage/effect.ts'
import { withFile } from '../../storage/open-file.ts'
import type { CheckpointSegment } from '../checkpoint/checkpoint-record.ts'
import { parseSegmentFileName, rewrittenSegment, SWAP_SUFFIX, segmentFileName } from '../files/file-names.ts'
import { headersOf } from '../segment/header-scan.ts'
import type { SegmentContext } from '../segment/segment-context.ts'
import type { SegmentList } from '../segment/segment-list.ts'

type ReadContext = Pick<SegmentContext, 'store' | 'scratch' | 'kernel'>

/** A `.log` file of a partition, whatever name it has at the moment. */
export interface SegmentFile {
  readonly baseOffset: number
  readonly path: string
  readonly noted: CheckpointSegment | undefined
}

/** Whether size and heads of all batches, with their CRCs, are those of the checkpoint. */
export function* isNotedSegment(
  context: ReadContext,
  path: string,
  { sizeBytes, headerChecksum }: CheckpointSegment,
): Task<boolean> {
  const isSame = yield* withFile(context.store, path, (file) => {
    return file.size() === sizeBytes && headersOf(context, file, sizeBytes) === headerChecksum
  })
  return isSame === true
}

/** Whether the checkpoint notes a rewritten segment that has these offsets: the old one is about to be removed. */
export function isReplaced(offset: number, noted: readonly CheckpointSegment[]): boolean {
  return noted.some(({ isCleaned, baseOffset, nextOffset }) => isCleaned && baseOffset < offset && offset < nextOffset)
}

/**
 * The segments that the checkpoint notes and those that follow, in offset order. A segment that compaction wrote may
 * still lie beside those that it replaces: from the checkpoint that notes it on, it counts (decision 019).
 */
export function* segmentFiles(
  context: ReadContext,
  directory: string,
  names: readonly string[],
  noted: readonly CheckpointSegment[],
): Task<readonly SegmentFile[]> {
  const found: SegmentFile[] = []
  for (const segment of noted) {
    const { baseOffset } = segment
    found.push({ baseOffset, path: yield* pathOfNoted(context, directory, names, segment), noted: segment })
  }
  for (const name of names) {
    const parsed = parseSegmentFileName(name)
    if (parsed?.suffix !== 'log' || isReplaced(parsed.offset, noted)) continue
    if (noted.some(({ baseOffset }) => baseOffset === parsed.offset)) continue
    found.push({ baseOffset: parsed.offset, path: `${directory}/${name}`, noted: undefined })
  }
  return found.sort((a, b) => a.baseOffset - b.baseOffset)
}

function* pathOfNoted(
  context: ReadContext,
  directory: string,
  names: readonly string[],
  noted: CheckpointSegment,
): Task<string> {
  const path = `${directory}/${segmentFileName(noted.baseOffset, 'log')}`
  const hasSwap = names.some((name) => {
    const rewritten = rewrittenSegment(name)
    return rewritten?.isWhole === true && rewritten.offset === noted.baseOffset
  })
  if (!noted.isCleaned || !hasSwap) return path
  return (yield* isNotedSegment(context, path, noted)) ? path : path + SWAP_SUFFIX
}

/** Reads a rewritten segment under the name that it has, as nothing may be renamed here. */
export function* readSwapped(
  context: ReadContext,
  directory: string,
  segments: SegmentList,
  noted: readonly CheckpointSegment[],
): Task<void> {
  if (!noted.some(({ isCleaned }) => isCleaned)) return
  const names = yield* perform('list', directory, () => context.store.list(directory))
  for (const { baseOffset, path } of yield* segmentFiles(context, directory, names, noted)) {
    const segment = segments.all.find((each) => each.baseOffset === baseOffset)
    if (segment !== undefined && segment.logPath !== path) segment.renamed(path)
  }
}
