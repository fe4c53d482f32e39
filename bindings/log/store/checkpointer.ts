import type { Kernel } from '../../kernel/kernel.ts'
import type { Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { PartitionSource } from '../../storage/partition-store.ts'
import type { WriteOrderObserver } from '../../storage/write-order.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { encodeCheckpointFile, writeCheckpointFile } from '../checkpoint/checkpoint-file.ts'
import {
  type CheckpointFacts,
  type CheckpointPartition,
  writeFacts,
  writePartition,
} from '../checkpoint/checkpoint-record.ts'
import type { ExtentEdges } from '../journal/frame.ts'
import { SECTOR_BYTES } from '../journal/layout.ts'
import type { FileCache } from '../segment/file-cache.ts'
import type { Segment } from '../segment/segment.ts'
import type { PendingRun } from './pending-runs.ts'
import type { StoredFiles } from './stored-files.ts'
import { syncFiles } from './sync-files.ts'

/** What is noted of one partition at the checkpoint's moment; the partial sector is read after the sync. */
interface Noted {
  readonly key: string
  readonly record: Omit<CheckpointPartition, 'partialSector'>
  readonly last: { readonly path: string; readonly sizeBytes: number } | undefined
}

/**
 * Writes checkpoints (durability rule 4): note everything as of one moment, sync what was written since the last one,
 * write the complete record to the older place. Partitions that didn't change go in as they were encoded last.
 */
export class Checkpointer {
  readonly #store: FileStore
  readonly #kernel: Kernel
  readonly #files: FileCache
  readonly #source: PartitionSource
  readonly #observer: WriteOrderObserver | undefined
  readonly #encoded = new Map<string, Uint8Array>()

  constructor(
    store: FileStore,
    kernel: Kernel,
    files: FileCache,
    source: PartitionSource,
    observer: WriteOrderObserver | undefined,
  ) {
    this.#store = store
    this.#kernel = kernel
    this.#files = files
    this.#source = source
    this.#observer = observer
  }

  /** What an earlier checkpoint or recovery says of a partition. */
  remember(key: string, record: CheckpointPartition): void {
    const writer = new ByteWriter(256)
    writePartition(writer, record)
    this.#encoded.set(key, writer.bytes)
  }

  /** A record that another checkpointer encoded. */
  keep(key: string, bytes: Uint8Array): void {
    this.#encoded.set(key, bytes)
  }

  records(): ReadonlyMap<string, Uint8Array> {
    return this.#encoded
  }

  forget(key: string): void {
    this.#encoded.delete(key)
  }

  /** `moment` is called once, with the ends noted and before anything else can happen; then the task takes its time. */
  *write(
    partitions: Iterable<[string, StoredFiles]>,
    facts: Omit<CheckpointFacts, 'partitionCount'>,
    place: number,
  ): Task<number> {
    const noted: Noted[] = []
    const unsynced: Segment[] = []
    const directories: StoredFiles[] = []
    for (const [key, files] of partitions) {
      if (!files.changed) continue
      noted.push(this.#note(key, files))
      unsynced.push(...files.unsynced)
      if (files.directoryUnsynced) directories.push(files)
      files.unsynced.clear()
      files.changed = false
      files.notedOffset = files.nextOffset
    }
    yield* this.#sync(unsynced, directories)
    for (const each of noted) yield* this.#encode(each)
    const bytes = this.#assemble(facts)
    this.#observer?.checkpointPlaced(
      facts.coveredSequence,
      noted.flatMap(({ last }) => (last === undefined ? [] : [{ file: last.path, sizeBytes: last.sizeBytes }])),
    )
    yield* writeCheckpointFile(this.#store, place, bytes)
    this.#observer?.checkpointDurable(facts.coveredSequence)
    return bytes.length
  }

  #note(key: string, files: StoredFiles): Noted {
    const { id } = files
    const segments = files.segments.all.map((segment) => segment.facts())
    const active = files.segments.active
    return {
      key,
      record: {
        topicId: id.topicId,
        partition: id.partition,
        logStartOffset: this.#source.logStartOffset(id),
        nextOffset: files.nextOffset,
        ceiling: this.#source.ceiling(id),
        readOnly: files.readOnly,
        segments,
        leaderEpochs: files.leaderEpochs,
        producers: [...this.#source.producers(id)],
      },
      last: active && { path: active.logPath, sizeBytes: active.sizeBytes },
    }
  }

  *#sync(segments: readonly Segment[], directories: readonly StoredFiles[]): Task<void> {
    yield* syncFiles(
      this.#files,
      segments.map(({ logPath }) => logPath),
    )
    for (const files of directories) yield* files.syncDirectory(this.#store)
  }

  /** Bytes below a noted end never change, so the sector can be read after the moment. */
  *#encode({ key, record, last }: Noted): Task<void> {
    const partialSector = last === undefined ? new Uint8Array(0) : yield* readPartialSector(this.#files, last)
    this.remember(key, { ...record, partialSector })
  }

  #assemble(facts: Omit<CheckpointFacts, 'partitionCount'>): Uint8Array {
    const writer = new ByteWriter(1024)
    writeFacts(writer, { ...facts, partitionCount: this.#encoded.size })
    for (const bytes of this.#encoded.values()) writer.raw(bytes)
    return encodeCheckpointFile(writer.bytes, this.#kernel)
  }
}

/** The bytes of a file's last sector, if it isn't full. */
function* readPartialSector(
  files: FileCache,
  { path, sizeBytes }: { readonly path: string; readonly sizeBytes: number },
): Task<Uint8Array> {
  return yield* readRange(files, path, sizeBytes - (sizeBytes % SECTOR_BYTES), sizeBytes)
}

/** What an extent shares with its neighbours: recovery writes theirs again, and a crash then takes whole sectors. */
export function* readExtentEdges(files: FileCache, { segment, position, lengthBytes }: PendingRun): Task<ExtentEdges> {
  const path = segment.logPath
  const end = position + lengthBytes
  const border = Math.min(end, Math.ceil(position / SECTOR_BYTES) * SECTOR_BYTES)
  const firstSector = yield* readRange(files, path, position, border)
  return { firstSector, partialSector: yield* readPartialSector(files, { path, sizeBytes: end }) }
}

function* readRange(files: FileCache, path: string, from: number, to: number): Task<Uint8Array> {
  const bytes = new Uint8Array(to - from)
  if (bytes.length > 0) (yield* files.reopen(path)).read(bytes, from)
  return bytes
}
