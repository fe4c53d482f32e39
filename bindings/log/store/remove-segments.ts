import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { openFile } from '../../storage/open-file.ts'
import type { Removal } from '../../storage/partition-store.ts'
import { unlessFull } from '../../storage/unless-full.ts'
import { filesOfSegment, parseSegmentFileName } from '../files/file-names.ts'
import { clampLeaderEpochs } from '../files/leader-epoch-checkpoint.ts'
import type { Segment } from '../segment/segment.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'

/**
 * Bytes of a file that are removed at a time: to remove 1 GiB in one piece would keep the disk from everybody else for
 * 200 ms.
 */
const CUT_BYTES = 512 * 1024

export interface RemoveContext {
  readonly store: FileStore
  /** Whether a commit or a read under way still needs the segment. */
  isInUse(segment: Segment): boolean
}

/**
 * One step of removing the segments that lie wholly below `offset`, a log start whose decision is durable (durability
 * rule 11). They leave the list first; then their files are removed one by one, the batches last and piece by piece.
 * Only segments that the newest checkpoint notes as closed: recovery must not go on in one that may be gone. What a
 * crash leaves lies below the first segment of the list, and the first step after the next open finds it. A file system
 * may lack room to remove a file, as btrfs does: then nothing is lost by trying later.
 */
export function* removeBelow(context: RemoveContext, files: StoredFiles, offset: number): Task<Removal> {
  if (files.readOnly) return 'done'
  files.leftovers ??= yield* findLeftovers(context.store, files)
  const [first] = files.segments.all
  if (first === undefined || !owesRemoval(files, offset)) return 'done'
  if (files.leftovers.length === 0) {
    const isBusy = context.isInUse(first) || files.isSwapped(first)
    if (!files.isNotedClosed(first) || isBusy) return 'later'
    drop(files, first, offset)
  }
  return (yield* unlessFull(removeOne(context.store, files, files.leftovers))) ? 'more' : 'later'
}

/**
 * Finishes removals at a close, when no commit comes any more that a step could delay. What nobody has looked for yet
 * is left to the next open.
 */
export function* finishRemoval(context: RemoveContext, files: StoredFiles, offset: number): Task<void> {
  while (owesRemoval(files, offset) && (yield* removeBelow(context, files, offset)) === 'more');
}

/** Whether there is something to remove, as far as is known without reading the directory. */
function owesRemoval({ segments, leftovers = [] }: StoredFiles, offset: number): boolean {
  const [first] = segments.all
  const isBelow = first !== undefined && first !== segments.active && first.nextOffset <= offset
  return isBelow || leftovers.length > 0
}

function drop(files: StoredFiles, segment: Segment, logStartOffset: number): void {
  files.segments.dropFirst()
  for (const [offset] of files.snapshots.upTo(segment.baseOffset)) files.snapshots.forget(offset)
  files.leaderEpochs = clampLeaderEpochs(files.leaderEpochs, logStartOffset, Number.POSITIVE_INFINITY)
  files.isUsed = true
  files.hasChanged = true
  files.leftovers = filesOfSegment(files.directory, segment.baseOffset)
}

function* findLeftovers(store: FileStore, { directory, segments }: StoredFiles): Task<string[]> {
  const [first] = segments.all
  if (first === undefined) return []
  const names = yield* perform('list', directory, () => store.list(directory))
  const bases = names.map((name) => parseSegmentFileName(name)?.offset ?? first.baseOffset)
  return [...new Set(bases.filter((base) => base < first.baseOffset))].flatMap((base) =>
    filesOfSegment(directory, base),
  )
}

/** Removes the files derived from the next segment's batches, and a piece of the batches. */
function* removeOne(store: FileStore, files: StoredFiles, left: string[]): Task<void> {
  for (let path = left[0]; path !== undefined; path = left[0]) {
    const isBatches = path.endsWith('.log')
    if (isBatches && (yield* cut(store, path))) return
    yield* perform('remove', path, () => store.remove(path as string))
    files.directoryChanged()
    left.shift()
    if (isBatches) return
  }
}

/** False if what is left of the file can be removed in one piece. */
function* cut(store: FileStore, path: string): Task<boolean> {
  const file = yield* openFile(store, path)
  if (file === undefined) return false
  try {
    // A backup's hard link to the file must keep its content. And to remove one of two names frees no blocks, so it is
    // quick.
    const keptBytes = file.isShared?.() === true ? 0 : file.size() - CUT_BYTES
    if (keptBytes > 0) yield* perform('truncate', path, () => (file.cut ?? file.truncate).call(file, keptBytes))
    return keptBytes > 0
  } finally {
    // Closed each time: if there is no room to cut it, this is tried again and again.
    file.close()
  }
}
