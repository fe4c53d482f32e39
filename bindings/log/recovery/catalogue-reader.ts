import type { Task } from '../../storage/effect.ts'
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import type { RecoveryInput } from './recovery-input.ts'

const READ_BYTES = 256 * 1024

/** Applies every record of the catalogue's segments: recovery needs to know which topic ids live (rule 7). */
export function* readCatalogue(input: RecoveryInput, files: StoredFiles, catalogue: Catalogue): Task<void> {
  let sizeBytes = READ_BYTES
  for (let offset = files.segments.all[0]?.baseOffset ?? 0; offset < files.nextOffset; ) {
    yield* files.segments.load(offset)
    const buffer = input.kernel.allocate(sizeBytes)
    if (buffer === undefined) return
    try {
      const count = files.segments.read(offset, buffer.bytes(0, sizeBytes)) ?? 0
      if (count === 0) return
      if (count < 0) {
        sizeBytes = -count
        continue
      }
      for (let position = 0; position < count; ) {
        const batch = input.kernel.batchReader.decode(buffer, position, count - position, false)
        if (typeof batch === 'string') return // Recovery or the first read of the partition reports it.
        const { topic, partition } = files.id
        for (let index = 0; index < batch.recordCount; index++) {
          const record = {
            key: batch.keyOf(index),
            value: batch.valueOf(index),
            headers: batch.headersOf(index),
            timestamp: batch.timestampOf(index),
          }
          catalogue.apply(record, { topic, partition, offset: batch.offsetOf(index) })
        }
        offset = batch.nextOffset
        position += batch.header.sizeBytes
      }
    } finally {
      buffer.free()
    }
  }
  catalogue.assertWhole()
}
