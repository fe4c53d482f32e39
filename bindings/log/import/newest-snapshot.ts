import { LogError } from '../../model/errors.ts'
import { perform, type Task } from '../../storage/effect.ts'
import { parseSegmentFileName } from '../files/file-names.ts'
import { decodeProducerSnapshot } from '../files/producer-snapshot.ts'
import { readFile } from '../files/text-file.ts'
import type { ReadContext } from './read-context.ts'

/** A million producers and more. */
const SNAPSHOT_BYTES = 64 * 1024 * 1024

/** Kafka's own word on what is open, as of an offset. */
export interface OpenAsOf {
  readonly offset: number
  /** Producers with an open transaction. */
  readonly producers: ReadonlySet<number>
}

/**
 * The newest whole producer snapshot of a partition at or below its end; Kafka goes by it and reads only what follows. At a
 * clean stop it stands at the very end.
 */
export function* newestSnapshot(
  { store, kernel }: Pick<ReadContext, 'store' | 'kernel'>,
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
      // Kafka too goes on to the one before.
      if (!LogError.is(error, 'CORRUPT_LOG')) throw error
    }
  }
  return undefined
}
