import type { Task } from '../../storage/effect.ts'
import type { FrameRun } from '../journal/frame-entry.ts'
import type { Hole, IntactRun } from '../survey/intact-run.ts'
import { missingOffsets } from '../survey/missing-offsets.ts'
import { type KnownOfPartition, partitionRemains } from '../survey/partition-remains.ts'
import { type SegmentRemains, SegmentSurvey } from '../survey/segment-survey.ts'
import { walkRun } from '../survey/survey-context.ts'
import type { SalvageContext } from './salvage-context.ts'
import { wholeExtent } from './whole-extent.ts'

/** What is intact of one partition, and what is missing. */
export interface SurveyedPartition {
  /** In offset order; no two overlap. */
  readonly runs: readonly IntactRun[]
  /** In offset order; none lies below the log start or overlaps a run. */
  readonly holes: readonly Hole[]
  /** The offset after everything that is there or was there. */
  readonly nextOffset: number
}

/**
 * Surveys the segments first. What they lack may stand in a frame of the journal, in an extent whose frame proves it, in a
 * segment that compaction has replaced, or in one with which it was about to replace others.
 */
export function* surveyPartition(context: SalvageContext, known: KnownOfPartition): Task<SurveyedPartition> {
  const { segments, others } = yield* partitionRemains(context, known)
  // Put together by concat: arguments of a call are limited, and there may be a hundred thousand of each.
  let runs: IntactRun[] = []
  let holes: Hole[] = lackingFirst(known, segments[0])
  let end = known.logStartOffset
  let isForeign = known.isOthers
  for (const segment of segments) {
    const found = yield* new SegmentSurvey(context, segment).run()
    end = Math.max(end, found.nextOffset)
    if (segment.noted !== undefined) isForeign = known.isOthers || found.isForeign
    else if (known.isOthers || (isForeign && segment.patches.length === 0)) {
      holes.push({ offset: segment.baseOffset, nextOffset: found.nextOffset, ...unproven(segment) })
      continue
    }
    runs = runs.concat(found.runs)
    holes = holes.concat(found.holes)
  }
  holes = holes.concat(missingOffsets(known, { intact: runs, holes }))
  holes = holes.concat(notedLosses(known, [...runs, ...holes]))
  for (const { nextOffset } of known.runs) end = Math.max(end, nextOffset)
  if (holes.length > 0) {
    const once = { ...known, holes: inOrder(holes, known.logStartOffset) }
    const elsewhere = yield* foundElsewhere(context, once, others)
    runs = runs.concat(elsewhere).sort((a, b) => a.baseOffset - b.baseOffset)
    return { runs, holes: without(once.holes, elsewhere), nextOffset: Math.max(end, known.noted?.nextOffset ?? 0) }
  }
  return { runs, holes, nextOffset: Math.max(end, known.noted?.nextOffset ?? 0) }
}

/**
 * What neither checkpoint nor frames know isn't proven in another topic's directory, nor behind another log's segment:
 * both were put here by hand.
 */
function unproven({ path }: SegmentRemains): Pick<Hole, 'file' | 'position' | 'code'> {
  return { file: path, position: 0, code: "is of another topic, or follows another log's" }
}

/** What stood before the first segment of a partition of which the newest checkpoint notes none. */
function lackingFirst(
  { directory, noted, logStartOffset, hasCheckpoint }: KnownOfPartition,
  first?: SegmentRemains,
): Hole[] {
  const offset = Math.max(logStartOffset, noted?.nextOffset ?? 0)
  const isNoted = !hasCheckpoint || (noted?.segments.length ?? 0) > 0
  if (isNoted || first === undefined || first.baseOffset <= offset) return []
  return [{ offset, nextOffset: first.baseOffset, file: directory, position: 0, code: 'is missing' }]
}

/**
 * What a recovery found damaged and nothing tells of any more: it noted the end before that, or went on behind it, and
 * the frames that knew of it are reused.
 */
function notedLosses({ noted, directory }: KnownOfPartition, found: readonly (IntactRun | Hole)[]): Hole[] {
  if (noted?.readOnly !== true) return []
  // An unclean open that goes on at a ceiling raises the epoch (durability rule 5): nothing is missing before that.
  const isCeiling = (at: number) => noted.leaderEpochs.some(({ startOffset }) => startOffset === at)
  const gaps = noted.segments.flatMap(({ baseOffset, isCleaned }, index) => {
    const offset = noted.segments[index - 1]?.nextOffset ?? baseOffset
    if (offset >= baseOffset || isCleaned || isCeiling(baseOffset)) return []
    return [{ offset, nextOffset: baseOffset, file: directory, position: 0, code: 'is missing' }]
  })
  const { damage } = noted
  if (damage?.offset === undefined) return gaps
  const { offset, file, position, code } = damage
  const known = [...found, ...gaps].map((each) => ('from' in each ? { ...each, offset: each.baseOffset } : each))
  if (known.some((each) => each.offset <= offset && offset < (each.nextOffset ?? Number.POSITIVE_INFINITY))) return gaps
  const next = known.reduce(
    (least, each) => (each.offset > offset ? Math.min(least, each.offset) : least),
    Number.POSITIVE_INFINITY,
  )
  return [...gaps, { offset, nextOffset: Number.isFinite(next) ? next : undefined, file, position, code }]
}

/** Sorted, joined where they overlap, and without what lies below the log start. */
function inOrder(holes: readonly Hole[], logStartOffset: number): readonly Hole[] {
  const joined: Hole[] = []
  for (const each of [...holes].sort((a, b) => a.offset - b.offset)) {
    if (each.nextOffset !== undefined && each.nextOffset <= logStartOffset) continue
    const hole = { ...each, offset: Math.max(each.offset, logStartOffset) }
    const last = joined.at(-1)
    if (last === undefined || (last.nextOffset ?? Number.POSITIVE_INFINITY) <= hole.offset) joined.push(hole)
    else if (last.nextOffset !== undefined && (hole.nextOffset ?? Number.POSITIVE_INFINITY) > last.nextOffset)
      joined.splice(-1, 1, { ...last, nextOffset: hole.nextOffset })
  }
  return joined
}

interface KnownHoles extends Pick<KnownOfPartition, 'directory'> {
  readonly holes: readonly Hole[]
  readonly runs: readonly FrameRun[]
}

/** Whole batches from elsewhere that lie in the holes, each once. */
function* foundElsewhere(
  context: SalvageContext,
  { directory, holes, runs }: KnownHoles,
  others: readonly Parameters<typeof asRuns>[1][],
): Task<readonly IntactRun[]> {
  const candidates: IntactRun[] = []
  for (const run of runs) {
    const { baseOffset, nextOffset } = run
    if (run.kind !== 'extent') candidates.push({ baseOffset, nextOffset, isCleaned: false, from: run.bytes })
    else if (liesInHole(holes, run)) candidates.push(...(yield* wholeExtent(context, directory, run)))
  }
  for (const other of others) candidates.push(...(yield* asRuns(context, other)))
  let found: IntactRun[] = []
  for (const candidate of candidates) {
    if (!liesInHole(holes, candidate)) continue
    const further: IntactRun[] = []
    yield* walkRun(context, candidate, ({ header: { baseOffset, sizeBytes }, nextOffset }, position) => {
      const hole = holes[firstEndingAfter(holes, baseOffset)]
      const isLacking = hole !== undefined && hole.offset <= baseOffset && nextOffset <= endOf(hole)
      const isFound = [found, further].some((runs) => {
        const known = runs[firstEndingAfter(runs, baseOffset)]
        return known !== undefined && known.baseOffset < nextOffset
      })
      if (!isLacking || isFound) return undefined
      const { from, isCleaned } = candidate
      const end = position + sizeBytes
      const part = from instanceof Uint8Array ? from.slice(position, end) : { ...from, position, end }
      further.push({ baseOffset, nextOffset, isCleaned, from: part })
      return undefined
    })
    const isLater = (found.at(-1)?.nextOffset ?? 0) <= (further[0]?.baseOffset ?? 0)
    if (isLater) for (const run of further) found.push(run)
    else found = [...found, ...further].sort((a, b) => a.baseOffset - b.baseOffset)
  }
  return found
}

/** Whether any of its offsets do. */
function liesInHole(
  holes: readonly Hole[],
  { baseOffset, nextOffset }: Pick<IntactRun, 'baseOffset' | 'nextOffset'>,
): boolean {
  const near = holes[firstEndingAfter(holes, baseOffset)]
  return near !== undefined && near.offset < nextOffset
}

function* asRuns(
  context: SalvageContext,
  segment: ConstructorParameters<typeof SegmentSurvey>[1],
): Task<readonly IntactRun[]> {
  return (yield* new SegmentSurvey(context, segment).run()).runs
}

type Range = Pick<Hole, 'nextOffset'>

function endOf({ nextOffset }: Range): number {
  return nextOffset ?? Number.POSITIVE_INFINITY
}

/** Index in ranges that are in order and don't overlap. */
function firstEndingAfter(ranges: readonly Range[], offset: number): number {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (endOf(ranges[middle] as Range) <= offset) low = middle + 1
    else high = middle
  }
  return low
}

/** The holes without the runs that were found, both in order. */
function without(holes: readonly Hole[], found: readonly IntactRun[]): readonly Hole[] {
  return holes.flatMap((hole) => {
    const left: Hole[] = []
    let { offset } = hole
    for (let at = firstEndingAfter(found, offset); at < found.length; at++) {
      const { baseOffset, nextOffset } = found[at] as IntactRun
      if (baseOffset >= endOf(hole)) break
      if (baseOffset > offset) left.push({ ...hole, offset, nextOffset: baseOffset })
      offset = Math.max(offset, nextOffset)
    }
    if (offset < endOf(hole)) left.push({ ...hole, offset })
    return left
  })
}
