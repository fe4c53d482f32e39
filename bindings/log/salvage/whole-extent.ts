import { letOthersRun, type Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { openFile } from '../../storage/open-file.ts'
import { segmentFileName } from '../files/file-names.ts'
import type { FrameRun } from '../journal/frame-entry.ts'
import { chainHeader, NO_BATCHES } from '../segment/header-checksum.ts'
import type { IntactRun } from '../survey/intact-run.ts'
import { patchesOf } from '../survey/partition-remains.ts'
import { patchedFile } from '../survey/patched-file.ts'
import { type SurveyContext, TURN_BYTES } from '../survey/survey-context.ts'

export type ExtentRun = Extract<FrameRun, { readonly kind: 'extent' }>

/**
 * The extent as a run of batches, if its segment has all of it: a checksum in its frame says of which heads it was,
 * whatever is known of the file by itself.
 */
export function* wholeExtent(context: SurveyContext, directory: string, extent: ExtentRun): Task<readonly IntactRun[]> {
  const path = `${directory}/${segmentFileName(extent.segmentBaseOffset, 'log')}`
  const patches = patchesOf(extent)
  const found = yield* openFile(context.store, path)
  if (found === undefined) return []
  try {
    if (!(yield* isWhole(context, patchedFile(found, patches), extent))) return []
  } finally {
    found.close()
  }
  const { baseOffset, nextOffset, position, lengthBytes } = extent
  return [{ baseOffset, nextOffset, isCleaned: false, from: { path, position, end: position + lengthBytes, patches } }]
}

function* isWhole(context: SurveyContext, file: StoreFile, extent: ExtentRun): Task<boolean> {
  const end = extent.position + extent.lengthBytes
  let checksum = NO_BATCHES
  let turnEnd = extent.position + TURN_BYTES
  for (let { position } = extent; position < end; ) {
    const batch = context.scanner.inFile(file, position, end)
    if (typeof batch === 'string') return false
    checksum = chainHeader(context.kernel, checksum, batch.bytes)
    position += batch.header.sizeBytes
    if (position < turnEnd) continue
    turnEnd = position + TURN_BYTES
    yield* letOthersRun()
  }
  return checksum === extent.crc
}
