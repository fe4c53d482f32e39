import { readFully } from '../../storage/checked-read.ts'
import type { Task } from '../../storage/effect.ts'
import type { ExtentEdges } from '../journal/frame-entry.ts'
import { SECTOR_BYTES } from '../journal/layout.ts'
import type { FileCache } from '../segment/file-cache.ts'
import type { PendingRun } from '../stored-files/pending-runs.ts'

/**
 * The bytes of the sectors that an extent shares with others: recovery writes the neighbours again, and a crash then
 * damages whole sectors (durability rule 2).
 */
export function* readExtentEdges(files: FileCache, { segment, position, lengthBytes }: PendingRun): Task<ExtentEdges> {
  const path = segment.logPath
  const end = position + lengthBytes
  const border = Math.min(end, Math.ceil(position / SECTOR_BYTES) * SECTOR_BYTES)
  const firstSector = yield* readRange(files, path, position, border)
  return { firstSector, partialSector: yield* readPartialSector(files, { path, sizeBytes: end }) }
}

/** The bytes of a file's last sector, if it isn't full. */
export function* readPartialSector(
  files: FileCache,
  { path, sizeBytes }: { readonly path: string; readonly sizeBytes: number },
): Task<Uint8Array> {
  return yield* readRange(files, path, sizeBytes - (sizeBytes % SECTOR_BYTES), sizeBytes)
}

function* readRange(files: FileCache, path: string, from: number, to: number): Task<Uint8Array> {
  const bytes = new Uint8Array(to - from)
  if (bytes.length > 0) readFully(yield* files.reopen(path), bytes, from)
  return bytes
}
