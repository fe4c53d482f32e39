import { directorySync, flushOf, performAll, type Task } from '../../storage/effect.ts'
import type { StoreFile } from '../../storage/file-store.ts'
import { openFile } from '../../storage/open-file.ts'
import type { Damage } from '../../storage/recovery-report.ts'
import type { StoredPartition } from '../../storage/stored-state.ts'
import { Catalogue } from '../catalogue/catalogue.ts'
import { CATALOGUE_TOPIC, INTERNAL_TOPIC_IDS } from '../catalogue/topic-ids.ts'
import type { CatalogueTopic } from '../catalogue/topic-table.ts'
import {
  CHECKPOINT_DIRECTORY,
  type FoundCheckpoint,
  placeAfter,
  placeCopy,
  removeElderCopies,
} from '../checkpoint/checkpoint-file.ts'
import type { CheckpointRecord } from '../checkpoint/checkpoint-record.ts'
import { partitionKey } from '../files/partition-key.ts'
import type { JournalHeader } from '../journal/header.ts'
import { HEADER_FILE, JOURNAL_DIRECTORY } from '../journal/layout.ts'
import { forgetRestated, restateFrame } from '../journal/restate.ts'
import type { JournalScan } from '../journal/scan.ts'
import { recoveryMarks } from '../recovery-marks.ts'
import { BatchScanner } from '../segment/batch-scanner.ts'
import { readCatalogue } from './catalogue-reader.ts'
import { clearDeadDirectories } from './dead-directories.ts'
import { FrameEntries } from './frame-entries.ts'
import { JoinedWrites } from './joined-writes.ts'
import type { Recovered } from './recovered.ts'
import { RecoveredPartitions } from './recovered-partitions.ts'
import type { RecoveryContext } from './recovery-context.ts'
import type { RecoveryInput } from './recovery-input.ts'
import { SetAside } from './set-aside.ts'

/** What a log that wasn't closed has left beside its segments. */
export interface UncleanEnd {
  readonly header: JournalHeader
  readonly checkpoint: CheckpointRecord
  readonly scan: JournalScan
  /** What was found damaged so far. More is added. */
  readonly damage: Damage[]
}

/**
 * Recovers by the checkpoint, and by what frames and segments say that was written since (rule 6 of
 * docs/durability.md). First, what it relies on is made durable; then the catalogue is recovered, which tells which
 * other partitions there are.
 */
export class UncleanRecovery {
  readonly #input: RecoveryInput
  readonly #header: JournalHeader
  readonly #checkpoint: CheckpointRecord
  readonly #scan: JournalScan
  readonly #entries: FrameEntries
  readonly #context: RecoveryContext
  readonly #partitions: RecoveredPartitions

  constructor(input: RecoveryInput, { header, checkpoint, scan, damage }: UncleanEnd) {
    this.#input = input
    this.#header = header
    this.#checkpoint = checkpoint
    this.#scan = scan
    const { store, kernel, files } = input
    this.#entries = new FrameEntries(scan.frames, checkpoint.producerIdsEnd)
    const scanner = new BatchScanner(kernel)
    const leaderEpoch = Math.max(header.leaderEpoch, checkpoint.leaderEpoch)
    input.earlier.setAside ??= new SetAside(store, leaderEpoch)
    const { setAside } = input.earlier
    const writes = new JoinedWrites(files)
    const { producerIdsEnd } = this.#entries
    this.#context = { store, kernel, files, scanner, writes, setAside, damage, leaderEpoch, producerIdsEnd }
    const known = { noted: checkpoint.partitions, entries: this.#entries, isReadOnly: this.#isReadOnly }
    this.#partitions = new RecoveredPartitions(input, this.#context, known)
  }

  /** Leaves no kernel memory in use if it fails: on a full disk it is run once more. */
  *run(found: readonly FoundCheckpoint[]): Task<Recovered> {
    try {
      return yield* this.#run(found)
    } catch (error) {
      this.#input.earlier.failed(this.#context.damage)
      this.#partitions.release()
      throw error
    } finally {
      this.#context.scanner.close()
    }
  }

  *#run(found: readonly FoundCheckpoint[]): Task<Recovered> {
    const readOnly = this.#isReadOnly
    const generation = this.#newGeneration()
    const { covered, nextCheckpointPlace } = readOnly
      ? { covered: this.#lastSequence(), nextCheckpointPlace: placeAfter(found[0]?.place ?? 0) }
      : yield* this.#secure(found, generation)
    const catalogue = new Catalogue()
    const cataloguePartition = { topicId: catalogueId(), topic: CATALOGUE_TOPIC, partition: 0 }
    if (!readOnly) yield* this.#partitions.secureNew([cataloguePartition])
    const catalogueFiles = yield* this.#partitions.bringBack(cataloguePartition, undefined)
    const deleted =
      catalogueFiles &&
      (yield* readCatalogue(this.#input, catalogueFiles, catalogue, this.#firstOfFrames(cataloguePartition)))
    const live = new Map(catalogue.durable.live().map((topic) => [topic.topicId, topic]))
    this.#input.configs.found(live.values())
    if (!readOnly) yield* this.#clearDead(catalogue, deleted ?? new Set())
    const others = [...this.#livePartitions(live)]
    if (!readOnly) yield* this.#partitions.secureNew(others)
    for (const id of others) yield* this.#partitions.bringBack(id, live.get(id.topicId))
    const skippedBatches = this.#entries.countDead(live)
    if (!readOnly) yield* this.#keepBrokenFrames()
    yield* this.#context.setAside.finish()
    for (const path of new Set(this.#scan.frames.map(({ file }) => file))) this.#context.files.close(path)
    const leaderEpoch = Math.max(this.#header.leaderEpoch, this.#checkpoint.leaderEpoch) + 1
    return {
      clean: false,
      needsRing: true,
      header: { ...this.#header, generation, leaderEpoch },
      checkpointSequence: this.#checkpoint.sequence,
      nextCheckpointPlace,
      coveredSequence: covered,
      producerIdsEnd: this.#entries.producerIdsEnd,
      partitions: this.#partitions.all,
      noted: this.#partitions.stillNoted,
      replayedFrames: this.#scan.frames.length,
      skippedBatches,
      setAside: this.#context.setAside,
      damage: this.#input.earlier.damageWith(this.#context.damage),
      readOnly,
    }
  }

  get #isReadOnly(): boolean {
    return this.#scan.gapAt !== undefined
  }

  /** The lowest offset of a partition in the frames since the checkpoint. */
  #firstOfFrames({ topicId, partition }: { readonly topicId: string; readonly partition: number }): number {
    let first = Number.POSITIVE_INFINITY
    for (const entry of this.#entries.of(partitionKey(topicId, partition))) {
      if ('baseOffset' in entry) first = Math.min(first, entry.baseOffset)
    }
    return first
  }

  /** `deleted`: the topics that frames since the checkpoint delete. */
  *#clearDead({ durable }: Catalogue, deleted: ReadonlySet<string>): Task<void> {
    const isKnown = (topicId: string, partition: number) => this.#partitions.isInCheckpointOrJournal(topicId, partition)
    yield* clearDeadDirectories(this.#input.store, this.#context.damage, {
      topics: durable,
      isInUse(topic, partition) {
        const topicId = INTERNAL_TOPIC_IDS[topic] ?? durable.byName(topic)?.topicId
        return topicId !== undefined && isKnown(topicId, partition)
      },
      mayBeLeft: (topicId, partition) => deleted.has(topicId) || isKnown(topicId, partition),
    })
  }

  /**
   * The last frame may be torn; then it was acknowledged to nobody. Its bytes are kept in case somebody doubts that.
   */
  *#keepBrokenFrames(): Task<void> {
    for (const { file: path, position, sizeBytes } of this.#scan.broken) {
      const file = yield* openFile(this.#input.store, path)
      if (file === undefined) continue
      recoveryMarks.hit('broken-frame-set-aside')
      try {
        yield* this.#context.setAside.keep(file, position, position + sizeBytes)
      } finally {
        file.close()
      }
    }
  }

  #newGeneration(): number {
    const seen = this.#scan.frames.map((frame) => frame.header.generation)
    return Math.max(this.#header.generation, this.#checkpoint.generation, ...seen) + 1
  }

  #lastSequence(): number {
    return this.#scan.frames.at(-1)?.header.sequence ?? this.#checkpoint.coveredSequence
  }

  /**
   * What was read may not be durable, and acting on it would show what a crash could still lose: so the checkpoint is
   * copied, the last frame restated (rule 6b), and the header's slot flushed before the other slot is written. A
   * process that was killed may also have left directory entries that are visible and not durable: those of the root
   * are synced here, those of partitions with the checkpoint that follows. None of these depends on another, so all are
   * waited for together.
   */
  *#secure(
    found: readonly FoundCheckpoint[],
    generation: number,
  ): Task<{ readonly covered: number; readonly nextCheckpointPlace: number }> {
    const { store, observer } = this.#input
    const files: (StoreFile | undefined)[] = []
    try {
      const copy = yield* placeCopy(store, found)
      files.push(copy?.file)
      const restated = yield* restateFrame(this.#input, this.#header, this.#scan.frames, generation)
      files.push(restated?.file)
      files.push(yield* openFile(store, HEADER_FILE))
      yield* this.#flush(files.filter((file) => file !== undefined))
      if (copy !== undefined) yield* removeElderCopies(store, found, copy)
      if (restated !== undefined) {
        forgetRestated(restated.file, this.#scan.frames)
        recoveryMarks.hit('frame-restated')
        observer?.frameDurable(restated.sequence)
      }
      return {
        covered: restated?.sequence ?? this.#checkpoint.coveredSequence,
        nextCheckpointPlace: placeAfter(copy?.place ?? 0),
      }
    } finally {
      for (const file of files) file?.close()
    }
  }

  *#flush(files: readonly StoreFile[]): Task<void> {
    const { store } = this.#input
    const directories = [CHECKPOINT_DIRECTORY, JOURNAL_DIRECTORY, '']
    yield* performAll([...files.map(flushOf), ...directories.map((each) => directorySync(store, each))])
  }

  *#livePartitions(live: ReadonlyMap<string, CatalogueTopic>): Iterable<StoredPartition['id']> {
    for (const [topic, topicId] of Object.entries(INTERNAL_TOPIC_IDS)) {
      if (topic !== CATALOGUE_TOPIC) yield { topicId, topic, partition: 0 }
    }
    for (const { topicId, name, partitions } of live.values()) {
      for (let partition = 0; partition < partitions; partition++) yield { topicId, topic: name, partition }
    }
  }
}

function catalogueId(): string {
  return INTERNAL_TOPIC_IDS[CATALOGUE_TOPIC] ?? ''
}
