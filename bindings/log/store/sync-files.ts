import { flushOf, performAll, type Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import type { FileCache } from '../segment/file-cache.ts'

/**
 * Flushes files, open or not. There may be many more of them than the cache holds, so only those that are being flushed
 * are pinned.
 */
export function* syncFiles(cache: FileCache, paths: readonly string[], atOnce: number): Task<void> {
  for (let at = 0; at < paths.length; at += atOnce) {
    const files: StoreFile[] = []
    for (const path of paths.slice(at, at + atOnce)) {
      files.push(yield* cache.reopen(path))
      cache.pin(path)
    }
    yield* performAll(files.map(flushOf))
    for (const file of files) cache.unpin(file)
  }
}
