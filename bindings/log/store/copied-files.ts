import { LogError } from '../../model/errors.ts'
import type { BackupTarget } from '../../storage/backup-target.ts'
import { readFully } from '../../storage/checked-read.ts'
import { writeFully } from '../../storage/checked-write.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { createFile, openFile, withFile } from '../../storage/open-file.ts'
import { PARTITION_METADATA, parsePartitionDirectory, segmentFileName } from '../files/file-names.ts'
import { directoryTopicId, removeDirectory } from '../files/partition-directory.ts'
import { formatPartitionMetadata } from '../files/partition-metadata.ts'
import { SECTOR_BYTES } from '../journal/layout.ts'
import type { Segment } from '../segment/segment.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import type { BackupPartition, BackupSource } from './backup-source.ts'
import { encodePartition } from './checkpointer.ts'
import { copyRange, type FileRange } from './copy-file.ts'
import { sameDirectory } from './create-partition.ts'
import { UnsyncedCopies } from './unsynced-copies.ts'

const DERIVED = ['index', 'timeindex', 'txnindex'] as const

type CopiedSegment = BackupPartition['segments'][number]

/** The files of partitions at a backup's target. What was copied for one moment stays for the next one. */
export class CopiedFiles {
  readonly #source: BackupSource
  readonly #target: BackupTarget
  /** How many bytes of each segment are copied. */
  readonly #copied = new Map<Segment, number>()
  /** Partitions that have a directory at the target. */
  readonly #begun = new Set<StoredFiles>()
  readonly #unsynced: UnsyncedCopies
  #isAgain = false
  /** The last file that was missing or too short for the last moment. */
  missing: LogError | undefined

  constructor(source: BackupSource, target: BackupTarget) {
    this.#source = source
    this.#target = target
    this.#unsynced = new UnsyncedCopies(target.store)
  }

  /**
   * Copies what is missing at the target. Returns the partitions' records; `undefined` if files were removed before
   * they were copied: then the backup takes another moment, which finds the other files here already.
   */
  *take(partitions: readonly BackupPartition[]): Task<readonly Uint8Array[] | undefined> {
    this.missing = undefined
    const records: Uint8Array[] = []
    try {
      for (const partition of partitions) {
        const record = yield* this.#partition(partition)
        if (record !== undefined) records.push(record)
      }
      yield* this.#unsynced.sync()
    } finally {
      this.#unsynced.close()
    }
    if (records.length < partitions.length) {
      this.#isAgain = true
      return undefined
    }
    if (this.#isAgain) yield* this.#removeOthers(partitions)
    return records
  }

  *#partition({ files, record, segments }: BackupPartition): Task<Uint8Array | undefined> {
    if (!this.#begun.has(files)) yield* this.#begin(files)
    for (const each of segments) {
      if (this.#copied.get(each.segment) === each.sizeBytes) continue
      this.#unsynced.addDirectory(files.directory)
      if (!(yield* this.#segment(files, each))) return undefined
    }
    if (record instanceof Uint8Array) return record
    return encodePartition(record.record, yield* this.#lastSector(record.last))
  }

  *#begin(files: StoredFiles): Task<void> {
    const found = yield* directoryTopicId(this.#target.store, files.directory)
    // Not of an earlier topic of the name, which was deleted since the moment before.
    const isOf = ({ id, directory }: StoredFiles) =>
      id.topicId === found && id.partition === files.id.partition && directory !== files.directory
    if (found !== undefined && [...this.#begun].some(isOf)) throw sameDirectory(files.id, files.directory)
    const metadata = yield* createFile(this.#target.store, `${files.directory}/${PARTITION_METADATA}`)
    try {
      writeFully(metadata, formatPartitionMetadata(files.id.topicId), 0)
    } catch (error) {
      metadata.close()
      throw error
    }
    this.#begun.add(files)
    yield* this.#unsynced.add(files.directory, metadata, 0)
  }

  /** False if the file was removed. */
  *#segment(files: StoredFiles, { segment, sizeBytes, mayLink }: CopiedSegment): Task<boolean> {
    const copiedBytes = this.#copied.get(segment) ?? 0
    const path = `${files.directory}/${segmentFileName(segment.baseOffset, 'log')}`
    // A file that an earlier attempt left under this name may be shared with other backups (a hard link): it is never
    // written over.
    if (this.#isAgain && copiedBytes === 0) yield* perform('remove', path, () => this.#target.store.remove(path))
    // Where the file is now: compaction may give a rewritten segment its place later.
    const isLinked = mayLink && copiedBytes === 0 && (yield* this.#link(segment.logPath, path, sizeBytes))
    const endBytes = isLinked
      ? sizeBytes
      : yield* this.#file(segment.logPath, files, path, { start: copiedBytes, end: sizeBytes })
    if (!files.isSwapped(segment)) yield* this.#derivedFiles(files, segment)
    const isThere = this.#source.partitions.get(files.id) === files && files.segments.all.includes(segment)
    if (isThere && endBytes !== sizeBytes) this.missing = endsEarly(files, segment, endBytes, sizeBytes)
    if (!isThere || endBytes !== sizeBytes) return false
    this.#copied.set(segment, sizeBytes)
    return true
  }

  *#derivedFiles(files: StoredFiles, { baseOffset }: Segment): Task<void> {
    for (const suffix of DERIVED) {
      const path = `${files.directory}/${segmentFileName(baseOffset, suffix)}`
      yield* this.#file(path, files, path, { start: 0, end: Number.POSITIVE_INFINITY })
    }
  }

  /** A file with bytes past the segment's end, which are nobody's, isn't shared but copied without them. */
  *#link(from: string, to: string, sizeBytes: number): Task<boolean> {
    const { store } = this.#target
    if (!(yield* perform('open', to, () => this.#target.link(from, to)))) return false
    if ((yield* withFile(store, to, (file) => file.size())) === sizeBytes) return true
    yield* perform('remove', to, () => store.remove(to))
    return false
  }

  /** Copies bytes of the log's file `origin` to the partition's `path`. Returns up to where there were any. */
  *#file(origin: string, { directory }: StoredFiles, path: string, { start, end }: FileRange): Task<number> {
    const from = yield* openFile(this.#source.store, origin)
    if (from === undefined) return 0
    let to: StoreFile | undefined
    try {
      to = yield* createFile(this.#target.store, path)
      if (to.size() > start) to.truncate(start)
      const done = yield* copyRange(from, to, { start, end: Math.min(end, from.size()) }, () =>
        this.#source.assertOpen(),
      )
      yield* this.#unsynced.add(directory, to, Math.max(0, done - start))
      return done
    } catch (error) {
      to?.close()
      throw error
    } finally {
      from.close()
    }
  }

  *#lastSector(last: { readonly path: string; readonly sizeBytes: number } | undefined): Task<Uint8Array> {
    const sector = new Uint8Array((last?.sizeBytes ?? 0) % SECTOR_BYTES)
    const file = last && (yield* openFile(this.#target.store, last.path))
    try {
      if (last !== undefined && file !== undefined) readFully(file, sector, last.sizeBytes - sector.length)
    } finally {
      file?.close()
    }
    return sector
  }

  /** Removes what an earlier moment had and this one doesn't have. */
  *#removeOthers(partitions: readonly BackupPartition[]): Task<void> {
    const { store } = this.#target
    const byDirectory = new Map(partitions.map((each) => [each.files.directory, each]))
    for (const directory of yield* perform('list', '', () => store.list(''))) {
      if (parsePartitionDirectory(directory) === undefined) continue
      const partition = byDirectory.get(directory)
      if (partition === undefined) {
        yield* removeDirectory(store, directory)
        continue
      }
      const kept = new Set(partition.segments.flatMap(({ segment }) => namesOf(segment)))
      const names = yield* perform('list', directory, () => store.list(directory))
      const others = names.filter((each) => each !== PARTITION_METADATA && !kept.has(each))
      for (const name of others)
        yield* perform('remove', `${directory}/${name}`, () => store.remove(`${directory}/${name}`))
      // Of an earlier topic of the name a power loss would bring back segments that this one doesn't know.
      if (others.length > 0) yield* perform('syncDirectory', directory, () => store.syncDirectory(directory))
    }
  }
}

function namesOf({ baseOffset }: Segment): string[] {
  return (['log', ...DERIVED] as const).map((suffix) => segmentFileName(baseOffset, suffix))
}

/** The error for a file that is too short or missing. A partition that was damaged before is copied as it is, without what is missing. */
function endsEarly(
  { id }: StoredFiles,
  { logPath, baseOffset }: Segment,
  position: number,
  sizeBytes: number,
): LogError {
  const message = `${logPath} ends at ${position} of ${sizeBytes} bytes: the log can't be copied as it was written`
  const { topic, partition } = id
  return new LogError('CORRUPT_LOG', message, { file: logPath, position, topic, partition, offset: baseOffset })
}
