import { BATCH_HEADER_BYTES } from '../../model/batch-format.ts'
import type { LogError } from '../../model/errors.ts'
import { ATTRIBUTE_CONTROL } from '../../model/records.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import type { AbortedTransaction } from '../../storage/partition-store.ts'
import { mayFollow } from './batch-head.ts'
import { BatchWalk } from './batch-walk.ts'
import { HeaderScan } from './header-scan.ts'
import type { Segment } from './segment.ts'
import type { SegmentContext } from './segment-context.ts'
import { damagedSegment, type SegmentFault } from './segment-damage.ts'
import { isCommitMarker, MARKER_BYTES, TransactionScan } from './transaction-scan.ts'

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
  let scan = new TransactionScan([])
  // Records that retention, compaction or damage took: a marker may have aborted them, though it seems to end nothing.
  let isAnyGone = segments.some(({ baseOffset, isCleaned }, index) => isCleaned || (index === 0 && baseOffset > 0))
  let hidden: LogError | undefined
  let hiddenOffset = -1
  let isAnyUnread = false
  for (const segment of segments) {
    const found: AbortedTransaction[] = []
    const isLast = segment === segments.at(-1)
    const file = yield* openKept(context, segment)
    if (file === undefined) continue
    const path = segment.logPath
    context.files.pin(path)
    let damage: LogError | undefined
    let doubt: LogError | undefined
    let markers = 0
    const ended = () => {
      if (damage !== undefined && markers < segment.aborted.noted.entryCount) throw damage
      if (doubt !== undefined && !segment.aborted.isNoted(context.kernel, found)) throw doubt
      segment.aborted.replace(context.kernel, found)
    }
    try {
      let position = 0
      let expectedOffset = segment.baseOffset
      for (let isWhole = true; isWhole && position < segment.sizeBytes; ) {
        isWhole = yield* perform('read', path, () => {
          // Markers may have been placed since the look began that the file doesn't have yet.
          segment.writeOut()
          const { sizeBytes, isCleaned, nextOffset: endOffset } = segment
          const range = { from: position, to: sizeBytes, expectedOffset, endOffset, isCleaned }
          const walk = new BatchWalk(context, file, range)
          walk.step(({ header, buffer, bufferPosition }) => {
            const bytes = buffer.bytes(bufferPosition, bufferPosition + header.sizeBytes)
            const aborted = scan.take(header, bytes)
            if (aborted !== undefined) found.push(aborted)
            const isAbort = (header.attributes & ATTRIBUTE_CONTROL) !== 0 && !isCommitMarker(bytes)
            if (aborted !== undefined || (isAbort && isAnyGone)) markers++
            // A commit may be hidden between its first record and its marker, or what it aborts may begin in what was
            // left out.
            const isHidden = aborted !== undefined && aborted.firstOffset < hiddenOffset
            if (isHidden || (isAbort && isAnyUnread)) doubt ??= hidden
          })
          position = walk.position
          expectedOffset = walk.expectedOffset
          if (walk.fault !== undefined) {
            damage ??= hidesMarkers(path, { position, offset: expectedOffset, fault: walk.fault })
            isAnyGone = true
          }
          const head = walk.fault && new HeaderScan(context.scratch, file, sizeBytes, BATCH_HEADER_BYTES).at(position)
          // A damaged batch, whose records nobody can read. A reader may begin after it.
          const leadsOn = head !== undefined && mayFollow(head, expectedOffset, ONE_EPOCH, isCleaned)
          if (walk.fault !== undefined && (!leadsOn || head.sizeBytes === MARKER_BYTES)) {
            hidden = damage
            hiddenOffset = expectedOffset
          }
          if (walk.fault !== undefined && !leadsOn) {
            // Nothing is known of what is open after it.
            scan = new TransactionScan([])
            isAnyUnread = true
          }
          if (leadsOn) {
            position += head.sizeBytes
            expectedOffset = head.nextOffset
          }
          // In the same turn as the last step, so nothing can have been appended in between.
          if (isLast && position >= segment.sizeBytes) ended()
          return walk.fault === undefined || leadsOn
        })
      }
      // Nothing can be learned past a damaged head; a read that gets there reports it.
      if (isLast && position < segment.sizeBytes) ended()
    } finally {
      context.files.unpin(file)
    }
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
