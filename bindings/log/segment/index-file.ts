import type { Kernel, OffsetIndex, TimeIndex } from '../../kernel/kernel.ts'
import { writeFully } from '../../storage/checked-write.ts'
import type { Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { createFile, openFile } from '../../storage/open-file.ts'
import { isReadFailure } from '../../storage/read-failure.ts'
import type { NotedIndex } from '../checkpoint/checkpoint-record.ts'

export const OFFSET_ENTRY_BYTES = 8
export const TIME_ENTRY_BYTES = 12

export interface IndexFile {
  readonly path: string
  readonly entryBytes: number
}

interface IndexContext {
  readonly store: FileStore
  readonly kernel: Pick<Kernel, 'crc32cOf'>
}

/** For a file that nothing is known about. */
export const NO_INDEX: NotedIndex = Object.freeze({ entryCount: 0, checksum: 0 })

/**
 * Appends the entries that `noted` doesn't cover. Noted entries stay valid whatever becomes of this write, so nothing
 * relies on it and it is neither renamed nor flushed.
 */
export function* writeIndexFile(
  { store, kernel }: IndexContext,
  { path, entryBytes }: IndexFile,
  index: OffsetIndex | TimeIndex,
  noted: NotedIndex,
): Task<NotedIndex> {
  const file = yield* createFile(store, path)
  try {
    const from = noted.entryCount * entryBytes
    writeFully(file, index.bytes().subarray(from), from)
    file.truncate(index.entryCount * entryBytes)
    return { entryCount: index.entryCount, checksum: kernel.crc32cOf(index.bytes()) }
  } finally {
    file.close()
  }
}

/**
 * The noted entries, if the file still begins with them; `undefined` for a missing, damaged or foreign file, and for
 * one that can't be read.
 */
export function* readIndexFile(
  { store, kernel }: IndexContext,
  { path, entryBytes }: IndexFile,
  noted: NotedIndex,
): Task<Uint8Array | undefined> {
  const bytes = new Uint8Array(noted.entryCount * entryBytes)
  if (bytes.length === 0) return bytes
  const file = yield* openFile(store, path)
  if (file === undefined) return undefined
  try {
    return file.read(bytes, 0) === bytes.length && kernel.crc32cOf(bytes) === noted.checksum ? bytes : undefined
  } catch (error) {
    if (!isReadFailure(error)) throw error
    return undefined
  } finally {
    file.close()
  }
}
