import { performAll, type Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import type { FileCache } from '../segment/file-cache.ts'

/** Files flushed side by side: a thread pool has four threads by default. */
const FLUSHES_AT_ONCE = 4

/** Flushes the files, open or not: there may be many more of them than the cache holds, so only those under way are pinned. */
export function* syncFiles(cache: FileCache, paths: readonly string[]): Task<void> {
  for (let at = 0; at < paths.length; at += FLUSHES_AT_ONCE) {
    const files: StoreFile[] = []
    for (const path of paths.slice(at, at + FLUSHES_AT_ONCE)) {
      files.push(yield* cache.reopen(path))
      cache.pin(path)
    }
    yield* performAll(files.map((file) => ({ kind: 'flush' as const, target: file.path, run: () => file.flush() })))
    for (const { path } of files) cache.unpin(path)
  }
}
