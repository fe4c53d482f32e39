import { BATCH_HEADER_BYTES } from '../../model/batch-format.ts'
import type { LogError } from '../../model/errors.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { AbortedSearch } from './aborted-search.ts'
import { mayFollow } from './batch-head.ts'
import { BatchWalk } from './batch-walk.ts'
import { HeaderScan } from './header-scan.ts'
import type { Segment } from './segment.ts'
import type { SegmentContext } from './segment-context.ts'
import { damagedSegment, type SegmentFault } from './segment-damage.ts'

/** No jump of the offset counts as one of an unclean open. */
const ONE_EPOCH = Number.POSITIVE_INFINITY

/**
 * Learns the aborted transactions of the last of `segments` from the markers in it, if its file is missing or isn't as
 * noted. `segments` are all from the partition's first one on, since a transaction may have begun in any of them. A
 * transaction whose beginning retention has removed is left out: no record of it can be read. CORRUPT_MESSAGE where
 * damage hides a marker: which records it ended nobody can tell; nor can they if it was a commit, and a later marker of
 * the producer seems to abort them too. Begins anew where compaction gave one of them its place while it was read: then
 * it was closed under its first name.
 */
export function* learnAborted(context: SegmentContext, segments: readonly Segment[]): Task<void> {
  const paths = segments.map(({ logPath }) => logPath)
  try {
    yield* learn(context, segments)
  } catch (error) {
    if (segments.every(({ logPath }, index) => logPath === paths[index])) throw error
    yield* learnAborted(context, segments)
  }
}

function* learn(context: SegmentContext, segments: readonly Segment[]): Task<void> {
  const search = new AbortedSearch()
  for (const segment of segments) {
    const file = yield* openKept(context, segment)
    if (file === undefined) continue
    context.files.pin(segment.logPath)
    search.beginSegment()
    try {
      yield* readSegment({ context, segment, file }, search, segment === segments.at(-1))
    } finally {
      context.files.unpin(file)
    }
  }
}

interface OpenSegment {
  readonly context: SegmentContext
  readonly segment: Segment
  readonly file: StoreFile
}

interface Place {
  readonly position: number
  readonly offset: number
}

/** `isLast`: the segment whose index is learned. */
function* readSegment(open: OpenSegment, search: AbortedSearch, isLast: boolean): Task<void> {
  const { context, segment } = open
  const ended = () => search.replaceIndex(context.kernel, segment.aborted)
  let place: Place = { position: 0, offset: segment.baseOffset }
  for (let leadsOn = true; leadsOn && place.position < segment.sizeBytes; ) {
    leadsOn = yield* perform('read', segment.logPath, () => {
      const read = readBatches(open, search, place)
      place = read.place
      // In the same turn as the last step, so nothing can have been appended in between.
      if (isLast && place.position >= segment.sizeBytes) ended()
      return read.leadsOn
    })
  }
  // Nothing can be learned past a damaged head; a read that gets there reports it.
  if (isLast && place.position < segment.sizeBytes) ended()
}

/** Takes some batches. A damaged one is passed over, if its head leads on. */
function readBatches(
  { context, segment, file }: OpenSegment,
  search: AbortedSearch,
  { position: from, offset: expectedOffset }: Place,
): { readonly place: Place; readonly leadsOn: boolean } {
  // Markers may have been placed since the look began that the file doesn't have yet.
  segment.writeOut()
  const { logPath, sizeBytes, isCleaned, nextOffset: endOffset } = segment
  const walk = new BatchWalk(context, file, { from, to: sizeBytes, expectedOffset, endOffset, isCleaned })
  walk.step(({ header, buffer, bufferPosition }) => {
    search.take(header, buffer.bytes(bufferPosition, bufferPosition + header.sizeBytes))
  })
  const { position, expectedOffset: offset, fault } = walk
  if (fault === undefined) return { place: { position, offset }, leadsOn: true }
  const head = new HeaderScan(context.scratch, file, sizeBytes, BATCH_HEADER_BYTES).at(position)
  // A damaged batch, whose records nobody can read. A reader may begin after it.
  const leadsOn = head !== undefined && mayFollow(head, offset, ONE_EPOCH, isCleaned)
  search.damaged(hidesMarkers(logPath, { position, offset, fault }), offset, leadsOn ? head.sizeBytes : undefined)
  return {
    place: leadsOn ? { position: position + head.sizeBytes, offset: head.nextOffset } : { position, offset },
    leadsOn,
  }
}

function hidesMarkers(path: string, fault: SegmentFault): LogError {
  const where = `${path} is damaged at ${fault.position}: ${fault.fault}`
  return damagedSegment(path, fault, `${where}, and the index of its aborted transactions is lost too`)
}

/** `undefined` if retention has dropped the segment meanwhile. */
function* openKept(context: SegmentContext, segment: Segment): Task<StoreFile | undefined> {
  const { files } = context
  const path = segment.logPath
  try {
    const file = yield* files.reopen(path)
    segment.assertKept()
    if (path === segment.logPath) return file
  } catch (error) {
    if (!segment.isDropped) throw error
    return undefined
  }
  // It has its place by now.
  return yield* openKept(context, segment)
}
