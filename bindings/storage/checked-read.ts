import { LogError } from '../model/errors.ts'
import type { StoreFile } from './file-store.ts'

/**
 * Reads what was written before and goes into a frame, a checkpoint or a backup: all of it, or it throws. A file that
 * something other than the log has cut has fewer bytes, and the rest of `into` would be noted as if it were in it.
 */
export function readFully(file: StoreFile, into: Uint8Array, position: number): void {
  const count = file.read(into, position)
  if (count === into.length) return
  const message = `${file.path} ends at ${position + count}, before what was written to it: something other than the log changed it`
  throw new LogError('KAFKA_STORAGE_ERROR', message, {
    file: file.path,
    position: position + count,
    operation: 'read',
  })
}
