import type { Kernel } from '../../kernel/kernel.ts'
import { letOthersRun, sideBySide, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { PartitionSource } from '../../storage/partition-source.ts'
import type { WriteOrderObserver, WrittenFile } from '../../storage/write-order.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { checkpointFile, encodeCheckpointFile, writeCheckpointFile } from '../checkpoint/checkpoint-file.ts'
import {
  type CheckpointFacts,
  type CheckpointPartition,
  writeFacts,
  writePartition,
} from '../checkpoint/checkpoint-record.ts'
import { partitionKey } from '../files/partition-key.ts'
import type { FileCache } from '../segment/file-cache.ts'
import type { Segment } from '../segment/segment.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import { readPartialSector } from './partial-sectors.ts'
import { syncFiles } from './sync-files.ts'

/** Bytes of the record that are put together in one turn. */
const ASSEMBLED_AT_ONCE_BYTES = 512 * 1024

type PartitionFacts = Omit<CheckpointPartition, 'partialSector'>

/** One partition as of a moment; its partial sector is read later. */
interface PresentFacts {
  readonly key: string
  readonly record: PartitionFacts
  readonly last: NotedEnd | undefined
}

/** A partition's record: encoded already, or the facts to encode. */
export type PresentRecord = Uint8Array | PresentFacts

/** What is noted of one partition at its moment. */
interface Noted extends PresentFacts {
  readonly files: StoredFiles
  readonly unsynced: readonly Segment[]
  /** All of the partition's segments with their lengths, for a check of the order of writes. */
  readonly segments: readonly WrittenFile[]
}

/** Up to where a segment must be durable. */
interface NotedEnd {
  readonly path: string
  readonly sizeBytes: number
}

export interface CheckpointerParts {
  readonly store: FileStore
  readonly kernel: Kernel
  readonly cache: FileCache
  readonly source: PartitionSource
  readonly observer: WriteOrderObserver | undefined
}

/**
 * Writes checkpoints (durability rule 4): notes each changed partition as of one moment, syncs what was written of it
 * since the last one, and writes the complete record to the older place. Partitions that didn't change go in as they
 * were encoded last. A few partitions are noted at a time: with thousands of them a send must not wait until all are
 * (docs/decisions/008-moments-of-a-checkpoint.md).
 */
export class Checkpointer {
  readonly #store: FileStore
  readonly #kernel: Kernel
  readonly #files: FileCache
  readonly #source: PartitionSource
  readonly #observer: WriteOrderObserver | undefined
  readonly #encoded = new Map<string, Uint8Array>()

  constructor({ store, kernel, cache, source, observer }: CheckpointerParts) {
    this.#store = store
    this.#kernel = kernel
    this.#files = cache
    this.#source = source
    this.#observer = observer
  }

  /** Takes over what an earlier checkpoint, or recovery, says of a partition. */
  remember(key: string, record: CheckpointPartition): void {
    this.#encoded.set(key, encodePartition(record, record.partialSector))
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

  /**
   * `facts` are those of the moment of the call: later frames hold what partitions got since. `atOnce` partitions are
   * noted, synced and encoded before commits have their turn again.
   */
  *write(
    partitions: Iterable<StoredFiles>,
    facts: Omit<CheckpointFacts, 'partitionCount'>,
    place: number,
    atOnce: number,
  ): Task<number> {
    const changed = [...partitions].filter((files) => files.hasChanged)
    try {
      return yield* this.#write(changed, facts, place, atOnce)
    } catch (error) {
      // On a full disk it is tried again. No checkpoint covers what this one noted, so the next one notes it anew.
      for (const files of changed) files.hasChanged = true
      throw error
    }
  }

  *#write(
    changed: readonly StoredFiles[],
    facts: Omit<CheckpointFacts, 'partitionCount'>,
    place: number,
    atOnce: number,
  ): Task<number> {
    const written: WrittenFile[] = []
    const ends: { readonly files: StoredFiles; readonly nextOffset: number }[] = []
    for (let at = 0; at < changed.length; at += atOnce) {
      const group = changed.slice(at, at + atOnce)
      for (const files of group) yield* files.segments.writeGrownIndexes()
      for (const files of group) files.segments.writeOut()
      const noted = group.map((files) => this.#note(files))
      yield* this.#sync(noted)
      for (const each of noted) {
        yield* this.#encode(each)
        written.push(...each.segments)
        ends.push({ files: each.files, nextOffset: each.record.nextOffset })
      }
    }
    const bytes = yield* this.#assemble(facts)
    this.#observer?.checkpointPlaced(facts.coveredSequence, written)
    yield* writeCheckpointFile(this.#store, place, bytes)
    const noted = ends.map(({ files, nextOffset }) => ({ ...files.id, nextOffset }))
    const file = { file: checkpointFile(place), sizeBytes: bytes.length }
    this.#observer?.checkpointDurable(facts.coveredSequence, { ...file, ends: noted })
    for (const { files, nextOffset } of ends) files.checkpointed(nextOffset)
    return bytes.length
  }

  #note(files: StoredFiles): Noted {
    const noted: Noted = {
      ...this.#present(files),
      files,
      unsynced: [...files.unsynced],
      segments:
        this.#observer === undefined
          ? []
          : files.segments.all.map(({ logPath, sizeBytes }) => ({ file: logPath, sizeBytes })),
    }
    files.unsynced.clear()
    files.pending.noted()
    files.hasChanged = false
    files.notedOffset = files.nextOffset
    files.notedActiveBase = files.segments.active?.baseOffset ?? -1
    for (const swap of files.swaps) swap.isNoted = true
    return noted
  }

  #present(files: StoredFiles): PresentFacts {
    const { id } = files
    const active = files.segments.active
    return {
      key: partitionKey(id.topicId, id.partition),
      record: {
        topicId: id.topicId,
        partition: id.partition,
        logStartOffset: this.#source.logStartOffset(id),
        nextOffset: files.nextOffset,
        ceiling: this.#source.ceiling(id),
        cleanedOffset: files.cleanedOffset,
        readOnly: files.readOnly,
        damage: files.damage,
        segments: files.segments.all.map((segment) => segment.facts()),
        leaderEpochs: files.leaderEpochs,
        producers: [...this.#source.producers(id)],
      },
      last: active && { path: active.logPath, sizeBytes: active.sizeBytes },
    }
  }

  /**
   * All partitions as of this moment, for a backup: as encoded for the newest checkpoint, or as facts if they have
   * changed since. Must not run beside a checkpoint.
   */
  presentRecords(partitions: readonly StoredFiles[]): readonly PresentRecord[] {
    return partitions.map((files) => {
      const { topicId, partition } = files.id
      const known = files.hasChanged ? undefined : this.#encoded.get(partitionKey(topicId, partition))
      return known ?? this.#present(files)
    })
  }

  *#sync(noted: readonly Noted[]): Task<void> {
    const paths = noted.flatMap(({ unsynced }) => unsynced.map(({ logPath }) => logPath))
    const changed = noted.map(({ files }) => files).filter((files) => files.isDirectoryUnsynced)
    const directories = changed.map((files) => files.syncDirectory(this.#store))
    yield* sideBySide([syncFiles(this.#files, paths, noted.length), ...directories], 1 + directories.length)
  }

  /** Bytes below a noted end never change, so the sector may be read after the moment. */
  *#encode({ key, record, last }: Noted): Task<void> {
    const partialSector = last === undefined ? new Uint8Array(0) : yield* readPartialSector(this.#files, last)
    this.remember(key, { ...record, partialSector })
  }

  *#assemble(facts: Omit<CheckpointFacts, 'partitionCount'>): Task<Uint8Array> {
    const records = [...this.#encoded.values()]
    const writer = new ByteWriter(1024)
    writeFacts(writer, { ...facts, partitionCount: records.length })
    let pause = ASSEMBLED_AT_ONCE_BYTES
    for (const bytes of records) {
      writer.raw(bytes)
      if (writer.length < pause) continue
      pause += ASSEMBLED_AT_ONCE_BYTES
      yield* letOthersRun()
    }
    return encodeCheckpointFile(writer.bytes, this.#kernel)
  }
}

export function encodePartition(record: PartitionFacts, partialSector: Uint8Array): Uint8Array {
  const writer = new ByteWriter(256)
  writePartition(writer, { ...record, partialSector })
  return writer.bytes
}
