import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { NAME_CHARS_MAX } from '../../storage/path.ts'

/** Kafka's mark of a directory that belongs to no partition of the log. No partition's directory ends like this. */
const STRAY_SUFFIX = '-stray'

/**
 * Renames a directory to a free name that no partition has, and does nothing else: a directory that became stray before
 * stays as well.
 */
export function* makeStray(store: FileStore, directory: string): Task<void> {
  const names = yield* perform('list', '', () => store.list(''))
  // The file system may not tell upper from lower case.
  const taken = new Set(names.map((name) => name.toLowerCase()))
  let stray = strayName(directory, STRAY_SUFFIX)
  for (let count = 2; taken.has(stray.toLowerCase()); count++) stray = strayName(directory, `.${count}${STRAY_SUFFIX}`)
  yield* perform('rename', directory, () => store.rename(directory, stray))
  yield* perform('syncDirectory', '', () => store.syncDirectory(''))
}

/** The longest names of topics leave no room for a suffix. */
function strayName(directory: string, suffix: string): string {
  return `${directory.slice(0, NAME_CHARS_MAX - suffix.length)}${suffix}`
}
