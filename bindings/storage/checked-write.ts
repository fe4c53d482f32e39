import { LogError } from '../model/errors.ts'
import type { StoreFile } from './file-store.ts'

/**
 * Writes all of `bytes` or throws; the only caller of StoreFile.write. Short counts were seen on a full tmpfs (331,776
 * of 614,400 bytes, no error), and in browsers a count may be an error code in disguise.
 */
export function writeFully(file: StoreFile, bytes: Uint8Array, position: number): void {
  let done = 0
  while (done < bytes.length) {
    const count = file.write(done === 0 ? bytes : bytes.subarray(done), position + done)
    if (!Number.isInteger(count) || count < 0 || count > bytes.length - done) {
      throw new LogError('KAFKA_STORAGE_ERROR', `writing ${file.path} at ${position + done} reported ${count} bytes`, {
        file: file.path,
        position: position + done,
        operation: 'write',
      })
    }
    if (count === 0) {
      throw new LogError('STORAGE_FULL', `no space to write ${bytes.length - done} bytes to ${file.path}`, {
        file: file.path,
        position: position + done,
        operation: 'write',
      })
    }
    done += count
  }
}
