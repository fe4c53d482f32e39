import type { Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { openFile } from '../../storage/open-file.ts'
import { BatchScanner } from '../segment/batch-scanner.ts'
import { announcedBatchBytes, nextBatch, type Place } from '../survey/next-batch.ts'
import type { ImportContext } from './import-context.ts'
import { holdsLegacyMessage } from './legacy-message.ts'
import type { SettledSegment } from './settle-segments.ts'

const INT32_MAX = 0x7fff_ffff

/**
 * Whether a whole batch, or a whole message of an old format, follows one that isn't, in the same file or a later one.
 * A write that a kill cut short has nothing after it. So those were written, and the broker may have acknowledged them.
 */
export function* hasWholeBatchAfter(
  { store, kernel }: ImportContext,
  file: StoreFile,
  place: Pick<Place, 'position' | 'offset'>,
  later: readonly SettledSegment[],
): Task<boolean> {
  const scanner = new BatchScanner(kernel)
  try {
    const endPosition = file.size()
    const anyOffset = { endOffset: Number.POSITIVE_INFINITY, isCleaned: true, leaderEpoch: INT32_MAX }
    if (yield* holdsLegacyMessage(file, place.position + announcedBatchBytes(file, place.position))) return true
    const next = yield* nextBatch(scanner, { file, endPosition, ...anyOffset }, { ...place, leaderEpoch: 0 })
    if (next !== undefined && next.position < endPosition) return true
    for (const { file: path } of later) {
      const segment = yield* openFile(store, path)
      if (segment === undefined) continue
      try {
        if (typeof scanner.inFile(segment, 0, segment.size()) !== 'string') return true
        if (yield* holdsLegacyMessage(segment, 0)) return true
      } finally {
        segment.close()
      }
    }
    return false
  } finally {
    scanner.close()
  }
}
