import { perform, sideBySide, type Task } from '../../storage/effect.ts'
import type { StoredPartition } from '../../storage/stored-state.ts'
import { holdsDecisions } from '../catalogue/topic-ids.ts'
import type { CatalogueTopic } from '../catalogue/topic-table.ts'
import type { CheckpointPartition } from '../checkpoint/checkpoint-record.ts'
import { directoryTopicId, secureTopicId } from '../files/partition-directory.ts'
import { partitionKey } from '../files/partition-key.ts'
import type { LocatedEntry } from '../journal/scan.ts'
import { recoveryMarks } from '../recovery-marks.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import { readSwapped } from '../survey/noted-segments.ts'
import type { FrameEntries } from './frame-entries.ts'
import { type LostPart, missingSegments } from './missing-segments.ts'
import { NotedFiles } from './noted-files.ts'
import { aboveStart, filesOf, storedOf } from './noted-partition.ts'
import { PartitionRecovery } from './partition-recovery.ts'
import type { Recovered } from './recovered.ts'
import type { RecoveryContext } from './recovery-context.ts'
import type { RecoveryInput } from './recovery-input.ts'
import { settleSwaps } from './settle-swaps.ts'

const DIRECTORIES_AT_ONCE = 32

/** What checkpoint and journal say of all partitions. */
interface WhatIsKnown {
  readonly noted: readonly CheckpointPartition[]
  readonly entries: FrameEntries
  /** An acknowledged frame is missing. */
  readonly isReadOnly: boolean
}

/**
 * The partitions as an unclean open brings them back, each in one of three ways: as the checkpoint notes it, where
 * nothing was written since; recovered from its segments and frames; or, where an acknowledged frame is missing, only
 * to be read.
 */
export class RecoveredPartitions {
  readonly all: Recovered['partitions'][number][] = []
  /** Partitions that the next checkpoint notes as this one does. */
  readonly stillNoted: Map<string, CheckpointPartition> = new Map()
  /** Those that are brought back, or are being. */
  readonly #begun: StoredFiles[] = []
  readonly #input: RecoveryInput
  readonly #context: RecoveryContext
  readonly #noted: ReadonlyMap<string, CheckpointPartition>
  readonly #entries: FrameEntries
  /** An acknowledged frame is missing. */
  readonly #isReadOnly: boolean

  constructor(input: RecoveryInput, context: RecoveryContext, { noted, entries, isReadOnly }: WhatIsKnown) {
    this.#input = input
    this.#context = context
    this.#noted = new Map(noted.map((each) => [partitionKey(each.topicId, each.partition), each]))
    this.#entries = entries
    this.#isReadOnly = isReadOnly
  }

  isInCheckpointOrJournal(topicId: string, partition: number): boolean {
    const key = partitionKey(topicId, partition)
    return this.#noted.has(key) || this.#entries.has(key)
  }

  /**
   * Secures the topic ids of directories that the checkpoint doesn't know. All together, and before much else is
   * written: each waits for the disk twice.
   */
  *secureNew(ids: readonly StoredPartition['id'][]): Task<void> {
    const unknown = ids.filter(({ topicId, partition }) => !this.#noted.has(partitionKey(topicId, partition)))
    yield* sideBySide(
      unknown.map((id) => secureTopicId(this.#input.store, id)),
      DIRECTORIES_AT_ONCE,
    )
  }

  /**
   * Brings one partition back; `topic` for a user's partition. Returns its files, or `undefined` if neither checkpoint
   * and frames nor a directory know it.
   */
  *bringBack(id: StoredPartition['id'], topic: CatalogueTopic | undefined): Task<StoredFiles | undefined> {
    const key = partitionKey(id.topicId, id.partition)
    const record = this.#noted.get(key)
    const noted = record && aboveStart(record, topic)
    const entries = this.#entries.of(key)
    const files = filesOf(this.#input, id, noted)
    this.#begun.push(files)
    let stored: StoredPartition | undefined
    if (!this.#isReadOnly && noted !== undefined && (yield* this.#isUntouched(files, noted, entries))) {
      stored = this.#continueUntouched(files, noted, entries)
    } else {
      if (noted === undefined && entries.length === 0 && !(yield* this.#hasDirectory(files))) return undefined
      stored = this.#isReadOnly
        ? yield* this.#openReadOnly(files, noted)
        : yield* this.#recovered(files, noted, entries)
    }
    if (stored !== undefined) this.all.push({ files, stored })
    return files
  }

  /** The recovery failed: closes files and frees memory, also of the partition that it was at. */
  release(): void {
    for (const { segments } of this.#begun) segments.release()
  }

  /** A directory that names no topic was never finished: no byte of the partition is in it (rule 7). */
  *#hasDirectory({ id, directory }: StoredFiles): Task<boolean> {
    return (yield* directoryTopicId(this.#input.store, directory)) === id.topicId
  }

  /** For a log that lacks an acknowledged frame: only the checkpoint is believed, and nothing is written. */
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
    let damaged: LostPart | undefined
    if (noted?.readOnly === true) yield* this.#readSwapped(files, noted)
    else damaged = yield* this.#settleSwaps(files, noted)
    const isCoordinator = holdsDecisions(files.id.topicId)
    const stored = yield* new PartitionRecovery(this.#context, files, noted, isCoordinator).run(entries, damaged)
    if (stored.readOnly && noted !== undefined && endsAsNoted(files, noted)) this.#keepReadOnly(noted, files, stored)
    // What this recovery removed, or one before it that was killed, has to be gone for good. Without a segment there may
    // be no directory.
    else if (!stored.readOnly || files.segments.active !== undefined) files.directoryChanged()
    return stored
  }

  *#readSwapped(files: StoredFiles, noted: CheckpointPartition | undefined): Task<void> {
    yield* readSwapped(this.#input.segments, files.directory, files.segments, noted?.segments ?? [])
  }

  /** Returns a rewritten segment that isn't as noted. */
  *#settleSwaps(files: StoredFiles, noted: CheckpointPartition | undefined): Task<LostPart | undefined> {
    const damaged = yield* settleSwaps(this.#input.segments, files.directory, noted)
    if (damaged === undefined) return undefined
    yield* this.#readSwapped(files, noted)
    return { ...damaged, position: 0, code: 'batch headers differ from the checkpoint' }
  }

  /**
   * For a partition that no frame names: batches of acks 1 need no frame and outlive their process
   * (docs/decisions/013-untouched-partitions.md).
   */
  *#isUntouched(files: StoredFiles, noted: CheckpointPartition, entries: readonly LocatedEntry[]): Task<boolean> {
    if (noted.readOnly || entries.some(({ kind }) => kind !== 'ceiling')) return false
    const { directory, segments } = files
    const names = yield* perform('list', directory, () => this.#input.store.list(directory))
    if (missingSegments(files, names).length > 0) return false
    return yield* new NotedFiles(segments).areAsNoted(this.#input.files, names, noted.partialSector)
  }

  /** As the checkpoint notes it, or at a ceiling above that (rule 5), which is to be noted then. */
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
    // A ceiling that lies no higher than what is durable says nothing.
    if (files.nextOffset > noted.nextOffset) {
      recoveryMarks.hit('continue-at-ceiling')
      files.proveNext()
    } else this.stillNoted.set(partitionKey(noted.topicId, noted.partition), noted)
    return { ...storedOf(files.id, noted, files), ceiling, nextOffset: files.nextOffset }
  }

  /** The next checkpoint notes its segments as this one did. Nothing is synced: the files may not even be there. */
  #keepReadOnly(noted: CheckpointPartition, { damage }: StoredFiles, { nextOffset, ceiling }: StoredPartition): void {
    const record = { ...noted, nextOffset, ceiling, readOnly: true, damage }
    this.stillNoted.set(partitionKey(noted.topicId, noted.partition), record)
  }
}

/** Whether recovery added nothing. A ceiling may have raised the next offset all the same. */
function endsAsNoted({ segments: { active } }: StoredFiles, noted: CheckpointPartition): boolean {
  const last = noted.segments.at(-1)
  return active?.baseOffset === last?.baseOffset && active?.sizeBytes === last?.sizeBytes
}
