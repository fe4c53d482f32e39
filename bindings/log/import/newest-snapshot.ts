import { LogError } from '../../model/errors.ts'
import { perform, type Task } from '../../storage/effect.ts'
import { parseSegmentFileName } from '../files/file-names.ts'
import { decodeProducerSnapshot } from '../files/producer-snapshot.ts'
import { readFile } from '../files/small-file.ts'
import type { ImportContext } from './import-context.ts'

/** Bound for a snapshot: room for more than a million producers. */
const SNAPSHOT_BYTES = 64 * 1024 * 1024

/** What Kafka's own snapshot says is open, as of an offset. */
export interface OpenAsOf {
  readonly offset: number
  /** Producers with an open transaction. */
  readonly producers: ReadonlySet<number>
}

/**
 * The newest whole producer snapshot at or below a partition's end. Kafka starts from it and reads only the batches
 * after it. After a clean stop it stands at the very end.
 */
export function* newestSnapshot(
  { store, kernel }: Pick<ImportContext, 'store' | 'kernel'>,
  directory: string,
  endOffset: number,
): Task<OpenAsOf | undefined> {
  const names = yield* perform('list', directory, () => store.list(directory))
  const snapshots = names.flatMap((name) => {
    const parsed = parseSegmentFileName(name)
    return parsed?.suffix === 'snapshot' && parsed.offset <= endOffset ? [{ name, offset: parsed.offset }] : []
  })
  for (const { name, offset } of snapshots.sort((a, b) => b.offset - a.offset)) {
    const path = `${directory}/${name}`
    try {
      const bytes = yield* readFile(store, path, SNAPSHOT_BYTES)
      const producers = bytes === undefined ? [] : decodeProducerSnapshot(kernel, bytes, path)
      const open = producers.filter(({ currentTransactionFirstOffset }) => currentTransactionFirstOffset >= 0)
      return { offset, producers: new Set(open.map(({ producerId }) => producerId)) }
    } catch (error) {
      // A damaged one: Kafka too goes on to the one before.
      if (!LogError.is(error, 'CORRUPT_LOG')) throw error
    }
  }
  return undefined
}
