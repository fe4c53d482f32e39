import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { perform, sideBySide, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { openFile } from '../../storage/open-file.ts'
import type { PartitionSource } from '../../storage/partition-source.ts'
import { isReadFailure } from '../../storage/read-failure.ts'
import { isTooManyFiles } from '../../storage/sparing-store.ts'
import type { StoredProducer } from '../../storage/stored-state.ts'
import { unlessFull } from '../../storage/unless-full.ts'
import { classifyPartitionFile, LEADER_EPOCH_CHECKPOINT, segmentFileName } from '../files/file-names.ts'
import { formatLeaderEpochs } from '../files/leader-epoch-checkpoint.ts'
import { encodeProducerSnapshot } from '../files/producer-snapshot.ts'
import { replaceFiles, type SmallFile } from '../files/small-file.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import { AT_ONCE_ALONE } from './file-store-options.ts'

interface DerivedContext {
  readonly store: FileStore
  readonly kernel: Kernel
}

/**
 * Writes files that Kafka's tools look for beside the segments and that no open of this log reads: producer snapshots
 * at the segments' base offsets and at the end, and the leader epochs. They are written after the checkpoint that
 * covers what they say, so a crash leaves them missing or old, never wrong; a file whose content is right is left
 * alone. A full disk or a lack of descriptors is no failure here.
 */
export function* writeRolledSnapshots(
  { store }: Pick<DerivedContext, 'store'>,
  partitions: Iterable<StoredFiles>,
): Task<void> {
  for (const files of partitions) {
    const covered = coveredSnapshots(files)
    if (covered.length > 0 && (yield* put(store, files, covered))) forget(files, covered)
  }
}

/**
 * Writes the snapshots of all partitions that changed since the open or were recovered, at a close, after the last
 * checkpoint. Durable when the task ends.
 */
export function* writeFinalSnapshots(
  context: DerivedContext,
  partitions: Iterable<StoredFiles>,
  source: Pick<PartitionSource, 'producers'>,
): Task<void> {
  const used = [...partitions].filter((files) => files.isUsed && !files.readOnly)
  const tasks = used.map((files) => writeFinal(context, files, source.producers(files.id)))
  yield* sideBySide(tasks, AT_ONCE_ALONE)
}

function* writeFinal(
  { store, kernel }: DerivedContext,
  files: StoredFiles,
  producers: Iterable<StoredProducer>,
): Task<void> {
  const covered = coveredSnapshots(files)
  const last = { name: segmentFileName(files.nextOffset, 'snapshot'), bytes: encodeProducerSnapshot(kernel, producers) }
  // A segment that was begun and has no batch yet needs one at its base too.
  const before = covered.filter(({ offset }) => offset < files.nextOffset)
  if (!(yield* put(store, files, [...before, last]))) return
  forget(files, covered)
  yield* unlessFull(removeStrays(store, files))
}

interface CoveredSnapshot extends SmallFile {
  readonly offset: number
}

function coveredSnapshots(files: StoredFiles): readonly CoveredSnapshot[] {
  const covered = files.snapshots.upTo(files.notedOffset)
  return covered.map(([offset, bytes]) => ({ offset, name: segmentFileName(offset, 'snapshot'), bytes }))
}

function forget(files: StoredFiles, written: readonly CoveredSnapshot[]): void {
  for (const { offset } of written) files.snapshots.forget(offset)
}

/** Writes snapshots, and the leader epochs with them. False if there was no space or no descriptor. */
function* put(store: FileStore, files: StoredFiles, snapshots: readonly SmallFile[]): Task<boolean> {
  const { directory } = files
  const entries = files.leaderEpochs.filter(({ startOffset }) => startOffset < files.notedOffset)
  const wanted = [...snapshots, { name: LEADER_EPOCH_CHECKPOINT, bytes: formatLeaderEpochs(entries) }]
  try {
    const missing: SmallFile[] = []
    for (const each of wanted) {
      if (!(yield* holds(store, `${directory}/${each.name}`, each.bytes))) missing.push(each)
    }
    if (missing.length > 0) yield* replaceFiles(store, directory, missing)
    return true
  } catch (error) {
    // Many partitions are written side by side, with two files each: with few descriptors they would wait for each
    // other for ever.
    if (!LogError.is(error, 'STORAGE_FULL') && !isTooManyFiles(error)) throw error
    return false
  }
}

function* holds(store: FileStore, path: string, wanted: Uint8Array): Task<boolean> {
  const file = yield* openFile(store, path)
  if (file === undefined) return false
  try {
    const bytes = new Uint8Array(wanted.length)
    const isWhole = file.size() === wanted.length && file.read(bytes, 0) === wanted.length
    return isWhole && bytes.every((byte, index) => byte === wanted[index])
  } catch (error) {
    // What can't be read any more is replaced as a whole.
    if (!isReadFailure(error)) throw error
    return false
  } finally {
    file.close()
  }
}

/**
 * Removes snapshots of segments that are gone and of an earlier end (Kafka's removeStraySnapshots), and temporary
 * files.
 */
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
