import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { readFile } from '../files/text-file.ts'

/** Of the bytes last written to `.index` and `.timeindex`: a file with another checksum is not used. */
export interface IndexChecksums {
  readonly offsetIndex: number
  readonly timeIndex: number
}

/** An index of 2 GiB of single-record batches at the smallest interval is far below it. */
const INDEX_LIMIT_BYTES = 1024 * 1024 * 1024

/** Writes a derived file in place. Nothing relies on it, so it needs neither a rename nor, unless asked, a flush. */
export function* writeIndexFile(
  store: FileStore,
  path: string,
  bytes: Uint8Array,
  options: { readonly flush: boolean },
): Task<void> {
  const file = yield* perform('open', path, () => store.open(path, { create: true }))
  if (file === undefined) {
    throw new LogError('KAFKA_STORAGE_ERROR', `${path} could not be created`, { file: path, operation: 'open' })
  }
  try {
    file.truncate(0)
    writeFully(file, bytes, 0)
    if (options.flush) yield* perform('flush', path, () => file.flush())
  } finally {
    file.close()
  }
}

/** The file's bytes if they are those of the checksum; `undefined` for a missing, damaged, stale or foreign file. */
export function* readIndexFile(
  store: FileStore,
  kernel: Pick<Kernel, 'crc32cOf'>,
  path: string,
  checksum: number,
): Task<Uint8Array | undefined> {
  try {
    const bytes = yield* readFile(store, path, INDEX_LIMIT_BYTES)
    return bytes !== undefined && kernel.crc32cOf(bytes) === checksum ? bytes : undefined
  } catch (error) {
    if (LogError.is(error, 'CORRUPT_LOG')) return undefined
    throw error
  }
}
