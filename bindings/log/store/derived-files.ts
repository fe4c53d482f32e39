import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { StoredProducer } from '../../storage/partition-store.ts'
import { classifyPartitionFile, LEADER_EPOCH_CHECKPOINT, segmentFileName } from '../files/file-names.ts'
import { formatLeaderEpochs } from '../files/leader-epoch-checkpoint.ts'
import { encodeProducerSnapshot } from '../files/producer-snapshot.ts'
import { replaceFile } from '../files/text-file.ts'
import { openFile } from '../journal/ring.ts'
import type { StoredFiles } from './stored-files.ts'

interface DerivedContext {
  readonly store: FileStore
  readonly kernel: Kernel
}

/**
 * What Kafka's tools look for beside the segments, and this log never reads: producer snapshots at the segments' bases
 * and at the end, and the leader epochs. Written behind the checkpoint that covers what they say, so a crash leaves them
 * missing or old, not wrong; a file that holds what it should is left alone. A full disk is no failure here.
 */
export function* writeRolledFiles({ store }: DerivedContext, files: StoredFiles): Task<void> {
  const covered = [...files.snapshots].filter(([offset]) => offset <= files.notedOffset)
  for (const [offset, bytes] of covered) {
    if (!(yield* put(store, files.directory, segmentFileName(offset, 'snapshot'), bytes))) return
    files.snapshots.delete(offset)
  }
  if (covered.length > 0) yield* putLeaderEpochs(store, files)
}

/** At a close, behind the last checkpoint: durable when the task ends. */
export function* writeFinalFiles(
  { store, kernel }: DerivedContext,
  files: StoredFiles,
  producers: Iterable<StoredProducer>,
): Task<void> {
  yield* writeRolledFiles({ store, kernel }, files)
  const { directory, nextOffset } = files
  const bytes = encodeProducerSnapshot(kernel, producers)
  if (!(yield* put(store, directory, segmentFileName(nextOffset, 'snapshot'), bytes))) return
  if (!(yield* putLeaderEpochs(store, files))) return
  yield* removeStrays(store, files)
}

function* putLeaderEpochs(store: FileStore, files: StoredFiles): Task<boolean> {
  const entries = files.leaderEpochs.filter(({ startOffset }) => startOffset < files.notedOffset)
  return yield* put(store, files.directory, LEADER_EPOCH_CHECKPOINT, formatLeaderEpochs(entries))
}

/** False: there is no space. */
function* put(store: FileStore, directory: string, name: string, bytes: Uint8Array): Task<boolean> {
  try {
    if (yield* holds(store, `${directory}/${name}`, bytes)) return true
    yield* replaceFile(store, directory, name, bytes)
    return true
  } catch (error) {
    if (!LogError.is(error, 'STORAGE_FULL')) throw error
    return false
  }
}

function* holds(store: FileStore, path: string, wanted: Uint8Array): Task<boolean> {
  const file = yield* openFile(store, path, false)
  if (file === undefined) return false
  const bytes = new Uint8Array(wanted.length)
  const isWhole = file.size() === wanted.length && file.read(bytes, 0) === wanted.length
  file.close()
  return isWhole && bytes.every((byte, index) => byte === wanted[index])
}

/** Snapshots live as long as the segment that they begin, or until there is a later end (Kafka's removeStraySnapshots). */
function* removeStrays(store: FileStore, { directory, segments, nextOffset }: StoredFiles): Task<void> {
  const kept = new Set([nextOffset, ...segments.all.map(({ baseOffset }) => baseOffset)])
  const names = yield* perform('list', directory, () => store.list(directory))
  const strays = names.map(classifyPartitionFile).filter((file) => {
    return (
      file.kind === 'temporary' || (file.kind === 'segment' && file.suffix === 'snapshot' && !kept.has(file.offset))
    )
  })
  for (const { name } of strays) {
    yield* perform('remove', `${directory}/${name}`, () => store.remove(`${directory}/${name}`))
  }
  if (strays.length > 0) yield* perform('syncDirectory', directory, () => store.syncDirectory(directory))
}
