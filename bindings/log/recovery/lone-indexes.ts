import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { parseSegmentFileName } from '../files/file-names.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import { NotedFiles } from './noted-files.ts'

/**
 * Removes index files whose segment is gone, an aborted index beside a segment that has none included. Indexes are
 * removed before their batches, but a power loss may lose the batches and keep them, and nothing else would ever remove
 * them. `names`: those in the partition's directory.
 */
export function* removeLoneIndexes(store: FileStore, files: StoredFiles, names: readonly string[]): Task<void> {
  const named = names.map((name) => ({ name, ...parseSegmentFileName(name) }))
  const withBatches = new Set(named.filter(({ suffix }) => suffix === 'log').map(({ offset }) => offset))
  const noted = new NotedFiles(files.segments)
  for (const { name, offset } of named) {
    const isLone = noted.isForeign(name) && !withBatches.has(offset)
    if (!isLone && !noted.isStale(name)) continue
    const path = `${files.directory}/${name}`
    yield* perform('remove', path, () => store.remove(path))
    files.directoryChanged()
  }
}
