import { LogError } from '../../model/errors.ts'
import type { Task } from '../../storage/effect.ts'
import type { Catalogue } from '../catalogue/catalogue.ts'
import { applyBatch, locatedError } from '../catalogue/table-record.ts'
import { damagedSegment } from '../segment/segment-damage.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import type { RecoveryInput } from './recovery-input.ts'

const READ_BYTES = 256 * 1024

/**
 * Applies every record of the catalogue's segments: recovery needs to know which topic ids live (rule 7).
 * CORRUPT_MESSAGE or MEMORY_CAP_REACHED where one can't be read: a topic that isn't known would lose its directory, and
 * what frames hold of it. Returns the ids of topics that records from offset `since` on delete.
 */
export function* readCatalogue(
  input: RecoveryInput,
  files: StoredFiles,
  catalogue: Catalogue,
  since: number,
): Task<ReadonlySet<string>> {
  let deadBefore: ReadonlySet<string> | undefined
  let sizeBytes = READ_BYTES
  for (let offset = files.segments.all[0]?.baseOffset ?? 0; offset < files.nextOffset; ) {
    yield* files.segments.load(offset)
    const buffer = input.kernel.allocate(sizeBytes)
    if (buffer === undefined) {
      const message = `reading the catalogue needs ${sizeBytes} bytes of kernel memory`
      throw new LogError('MEMORY_CAP_REACHED', message, { sizeBytes })
    }
    try {
      const count = files.segments.read(offset, buffer.bytes(0, sizeBytes)) ?? 0
      if (count === 0) break
      if (count < 0) {
        sizeBytes = -count
        continue
      }
      for (let position = 0; position < count; ) {
        const batch = input.kernel.batchReader.decode(buffer, position, count - position)
        if (typeof batch === 'string') throw damaged(files, offset, batch)
        try {
          applyBatch(batch, files.id, (record, place) => {
            if (place.offset >= since) deadBefore ??= deadIn(catalogue)
            catalogue.apply(record, place)
          })
        } catch (error) {
          throw locatedError(error, placeOf(files, offset))
        }
        offset = batch.nextOffset
        position += batch.header.sizeBytes
      }
    } finally {
      buffer.free()
    }
  }
  catalogue.assertWhole()
  const before = deadBefore ?? deadIn(catalogue)
  return new Set([...deadIn(catalogue)].filter((topicId) => !before.has(topicId)))
}

function deadIn(catalogue: Catalogue): ReadonlySet<string> {
  return new Set(catalogue.durable.dead().map(({ topicId }) => topicId))
}

function placeOf({ id, segments }: StoredFiles, offset: number): { readonly file: string; readonly position: number } {
  const segment = segments.find(offset)
  const position = segment?.file === undefined ? 0 : segment.reads.positionOf(segment.file, offset)
  return { file: segment?.logPath ?? `${id.topic}-${id.partition}`, position }
}

function damaged(files: StoredFiles, offset: number, fault: string): LogError {
  const { file, position } = placeOf(files, offset)
  const message = `${file} is damaged at ${position}, offset ${offset}: ${fault}`
  return damagedSegment(file, { position, offset, fault }, message)
}
