import { directorySync, flushOf, perform, performAll, sideBySide, type Task } from '../../storage/effect.ts'
import { openFile } from '../../storage/open-file.ts'
import type { Damage, StoredPartition } from '../../storage/partition-store.ts'
import { Catalogue } from '../catalogue/catalogue.ts'
import { CATALOGUE_TOPIC, holdsDecisions, INTERNAL_TOPIC_IDS } from '../catalogue/topic-ids.ts'
import type { CatalogueTopic } from '../catalogue/topic-table.ts'
import {
  CHECKPOINT_DIRECTORY,
  type FoundCheckpoint,
  placeAfter,
  placeCopy,
  removeElderCopies,
} from '../checkpoint/checkpoint-file.ts'
import type { CheckpointPartition, CheckpointRecord } from '../checkpoint/checkpoint-record.ts'
import { partitionKey } from '../files/partition-key.ts'
import type { JournalHeader } from '../journal/header.ts'
import { HEADER_FILE, JOURNAL_DIRECTORY } from '../journal/layout.ts'
import { forgetRestated, restateFrame } from '../journal/restate.ts'
import type { JournalScan, LocatedEntry } from '../journal/scan.ts'
import { recoveryMarks } from '../recovery-marks.ts'
import { BatchScanner } from '../segment/batch-scanner.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import { readSwapped } from '../survey/noted-segments.ts'
import { readCatalogue } from './catalogue-reader.ts'
import { clearDeadDirectories, directoryTopicId, secureDirectory } from './dead-directories.ts'
import { FrameEntries } from './frame-entries.ts'
import { JoinedWrites } from './joined-writes.ts'
import { missingSegments } from './missing-segments.ts'
import { aboveStart, filesOf, storedOf } from './noted-partition.ts'
import { PartitionRecovery } from './partition-recovery.ts'
import type { Recovered } from './recovered.ts'
import type { RecoveryContext } from './recovery-context.ts'
import type { RecoveryInput } from './recovery-input.ts'
import { SetAside } from './set-aside.ts'
import { settleSwaps } from './settle-swaps.ts'

const DIRECTORIES_AT_ONCE = 32

/**
 * What the checkpoint says, and what frames and segments say that came since (rule 6 of docs/durability.md). First
 * what it rests on is made durable, then the catalogue comes back, which tells what the others are.
 */
export class UncleanRecovery {
  readonly #input: RecoveryInput
  readonly #header: JournalHeader
  readonly #checkpoint: CheckpointRecord
  readonly #scan: JournalScan
  readonly #noted: Map<string, CheckpointPartition>
  readonly #stillNoted = new Map<string, CheckpointPartition>()
  readonly #entries: FrameEntries
  readonly #context: RecoveryContext
  readonly #partitions: { stored: StoredPartition; files: StoredFiles }[] = []

  constructor(
    input: RecoveryInput,
    header: JournalHeader,
    checkpoint: CheckpointRecord,
    scan: JournalScan,
    damage: Damage[],
  ) {
    this.#input = input
    this.#header = header
    this.#checkpoint = checkpoint
    this.#scan = scan
    this.#noted = new Map(checkpoint.partitions.map((each) => [partitionKey(each.topicId, each.partition), each]))
    const { store, kernel, files } = input
    this.#entries = new FrameEntries(scan.frames, checkpoint.producerIdsEnd)
    const scanner = new BatchScanner(kernel)
    const leaderEpoch = Math.max(header.leaderEpoch, checkpoint.leaderEpoch)
    const setAside = new SetAside(store)
    const writes = new JoinedWrites(files)
    this.#context = { store, kernel, files, scanner, writes, setAside, damage, leaderEpoch }
  }

  /** Leaves no kernel memory in use if it fails: on a full disk it is run once more. */
  *run(found: readonly FoundCheckpoint[]): Task<Recovered> {
    try {
      return yield* this.#run(found)
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
    if (!readOnly) yield* this.#secureNew([cataloguePartition])
    yield* this.#recoverPartition(cataloguePartition, undefined, catalogue)
    const live = new Map(catalogue.durable.live().map((topic) => [topic.topicId, topic]))
    const isInCheckpointOrJournal = (topic: string, partition: number) =>
      this.#isInCheckpointOrJournal(catalogue, topic, partition)
    if (!readOnly)
      yield* clearDeadDirectories(this.#input.store, catalogue.durable, isInCheckpointOrJournal, this.#context.damage)
    const others = [...this.#livePartitions(live)]
    if (!readOnly) yield* this.#secureNew(others)
    for (const id of others) yield* this.#recoverPartition(id, live.get(id.topicId))
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
      partitions: this.#partitions,
      noted: this.#stillNoted,
      replayedFrames: this.#scan.frames.length,
      skippedBatches,
      setAside: this.#context.setAside,
      damage: this.#context.damage,
      readOnly,
    }
  }

  get #isReadOnly(): boolean {
    return this.#scan.gapAt !== undefined
  }

  #isInCheckpointOrJournal(catalogue: Catalogue, topic: string, partition: number): boolean {
    const topicId = INTERNAL_TOPIC_IDS[topic] ?? catalogue.durable.byName(topic)?.topicId
    if (topicId === undefined) return false
    const key = partitionKey(topicId, partition)
    return this.#noted.has(key) || this.#entries.has(key)
  }

  /** The last frame may be torn, and then nobody was told; whoever doubts it finds its bytes. */
  *#keepBrokenFrames(): Task<void> {
    for (const { file: path, position, sizeBytes } of this.#scan.broken) {
      const file = yield* openFile(this.#input.store, path)
      if (file === undefined) continue
      recoveryMarks.hit('broken-frame-set-aside')
      yield* this.#context.setAside.keep(file, position, position + sizeBytes)
      file.close()
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
   * Whatever is read may not be durable, and acting on it first would show what a crash takes back: the checkpoint is
   * copied, the last frame restated (rule 6b), the header's place flushed before the other one is written. A process
   * that was killed also leaves entries that are seen and not durable: the root's here, those of partitions with the
   * checkpoint that follows. None of these needs another one, so all are waited for together.
   */
  *#secure(
    found: readonly FoundCheckpoint[],
    generation: number,
  ): Task<{ readonly covered: number; readonly nextCheckpointPlace: number }> {
    const { store, observer } = this.#input
    const copy = yield* placeCopy(store, found)
    const restated = yield* restateFrame(this.#input, this.#header, this.#scan.frames, generation)
    const headerFile = yield* openFile(store, HEADER_FILE)
    const files = [copy?.file, restated?.file, headerFile].filter((file) => file !== undefined)
    const directories = [CHECKPOINT_DIRECTORY, JOURNAL_DIRECTORY, '']
    yield* performAll([...files.map(flushOf), ...directories.map((each) => directorySync(store, each))])
    if (copy !== undefined) yield* removeElderCopies(store, found, copy)
    if (restated !== undefined) forgetRestated(restated.file, this.#scan.frames)
    for (const file of files) file.close()
    if (restated !== undefined) {
      recoveryMarks.hit('frame-restated')
      observer?.frameDurable(restated.sequence)
    }
    return {
      covered: restated?.sequence ?? this.#checkpoint.coveredSequence,
      nextCheckpointPlace: placeAfter(copy?.place ?? 0),
    }
  }

  /**
   * Directories of which the checkpoint doesn't know. Together, and before much is written: each waits for the disk
   * twice.
   */
  *#secureNew(ids: readonly StoredPartition['id'][]): Task<void> {
    const unknown = ids.filter(({ topicId, partition }) => !this.#noted.has(partitionKey(topicId, partition)))
    yield* sideBySide(
      unknown.map((id) => secureDirectory(this.#input.store, id)),
      DIRECTORIES_AT_ONCE,
    )
  }

  /** `topic`: of a user's partition; `catalogue`: gets what the catalogue's own one holds. */
  *#recoverPartition(
    id: StoredPartition['id'],
    topic: CatalogueTopic | undefined,
    catalogue?: Catalogue | undefined,
  ): Task<void> {
    const key = partitionKey(id.topicId, id.partition)
    const record = this.#noted.get(key)
    const noted = record && aboveStart(record, topic)
    const entries = this.#entries.of(key)
    const files = filesOf(this.#input, id, noted)
    let stored: StoredPartition | undefined
    if (!this.#isReadOnly && noted !== undefined && (yield* this.#isUntouched(files, noted, entries))) {
      stored = this.#continueUntouched(files, noted, entries)
    } else {
      if (noted === undefined && entries.length === 0 && !(yield* this.#hasDirectory(files))) return
      stored = this.#isReadOnly
        ? yield* this.#openReadOnly(files, noted)
        : yield* this.#recovered(files, noted, entries)
    }
    if (stored !== undefined) this.#partitions.push({ files, stored })
    if (catalogue !== undefined) yield* readCatalogue(this.#input, files, catalogue)
  }

  /** A directory that doesn't say whose it is was never finished: no byte of the partition is in it (rule 7). */
  *#hasDirectory({ id, directory }: StoredFiles): Task<boolean> {
    return (yield* directoryTopicId(this.#input.store, directory)) === id.topicId
  }

  /** Where an acknowledged frame is missing, only the checkpoint is believed, and nothing is written. */
  *#openReadOnly(files: StoredFiles, noted: CheckpointPartition | undefined): Task<StoredPartition | undefined> {
    yield* this.#readSwapped(files, noted)
    files.readOnly = true
    return noted && storedOf(files.id, noted, files)
  }

  *#recovered(
    files: StoredFiles,
    noted: CheckpointPartition | undefined,
    entries: readonly LocatedEntry[],
  ): Task<StoredPartition> {
    if (noted?.readOnly === true) yield* this.#readSwapped(files, noted)
    else yield* this.#settleSwaps(files, noted)
    const isCoordinator = holdsDecisions(files.id.topicId)
    const stored = yield* new PartitionRecovery(this.#context, files, noted, isCoordinator).run(entries)
    if (stored.readOnly && noted !== undefined && stored.nextOffset === noted.nextOffset)
      this.#keepReadOnly(noted, files)
    else if (noted === undefined || files.changed) files.directoryChanged()
    return stored
  }

  *#readSwapped(files: StoredFiles, noted: CheckpointPartition | undefined): Task<void> {
    yield* readSwapped(this.#input.segments, files.directory, files.segments, noted?.segments ?? [])
  }

  *#settleSwaps(files: StoredFiles, noted: CheckpointPartition | undefined): Task<void> {
    const { hasChanged, damaged } = yield* settleSwaps(this.#input.segments, files.directory, noted)
    if (hasChanged) {
      files.directoryChanged()
      files.changed = true
    }
    if (damaged === undefined) return
    const { topic, partition } = files.id
    const code = 'batch headers differ from the checkpoint'
    this.#context.damage.push({ ...damaged, position: 0, topic, partition, code })
    files.damaged({ ...damaged, position: 0, code })
    yield* this.#readSwapped(files, noted)
  }

  /**
   * Of a partition that no frame names: batches of acks 1 need none and outlive their process
   * (docs/decisions/013-untouched-partitions.md).
   */
  *#isUntouched(files: StoredFiles, noted: CheckpointPartition, entries: readonly LocatedEntry[]): Task<boolean> {
    if (noted.readOnly || entries.some(({ kind }) => kind !== 'ceiling')) return false
    const { directory, segments } = files
    const names = yield* perform('list', directory, () => this.#input.store.list(directory))
    if (missingSegments(files, names).length > 0) return false
    return yield* segments.isAsNoted(names, noted.partialSector)
  }

  /** As the checkpoint notes it. A ceiling that frames raised (rule 5) counts too, and is to be noted then. */
  #continueUntouched(
    files: StoredFiles,
    noted: CheckpointPartition,
    entries: readonly LocatedEntry[],
  ): StoredPartition {
    recoveryMarks.hit('partition-untouched')
    const raised = entries.map((entry) => (entry.kind === 'ceiling' ? entry.ceiling : 0))
    const ceiling = Math.max(noted.ceiling, ...raised)
    files.isUsed = true
    files.unproven = files.segments.active
    files.nextOffset = Math.max(noted.nextOffset, ceiling)
    files.changed = ceiling > noted.ceiling || files.nextOffset > noted.nextOffset
    if (files.nextOffset > noted.nextOffset) recoveryMarks.hit('continue-at-ceiling')
    if (files.changed) files.proveNext()
    else this.#stillNoted.set(partitionKey(noted.topicId, noted.partition), noted)
    return { ...storedOf(files.id, noted, files), ceiling, nextOffset: files.nextOffset }
  }

  /** The next checkpoint notes the partition as this one did. Nothing is synced: its files may not even be there. */
  #keepReadOnly(noted: CheckpointPartition, files: StoredFiles): void {
    this.#stillNoted.set(partitionKey(noted.topicId, noted.partition), {
      ...noted,
      readOnly: true,
      damage: files.damage,
    })
    files.unsynced.clear()
    files.changed = false
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
