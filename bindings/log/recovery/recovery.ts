import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { directorySync, flushOf, performAll, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { Damage, StoredPartition } from '../../storage/partition-store.ts'
import { Catalogue } from '../catalogue/catalogue.ts'
import { CATALOGUE_TOPIC, holdsDecisions, INTERNAL_TOPIC_IDS } from '../catalogue/topic-ids.ts'
import type { CatalogueTopic } from '../catalogue/topic-table.ts'
import {
  CHECKPOINT_DIRECTORY,
  type FoundCheckpoint,
  placeCopy,
  readCheckpoints,
} from '../checkpoint/checkpoint-file.ts'
import type { CheckpointPartition, CheckpointRecord } from '../checkpoint/checkpoint-record.ts'
import { partitionDirectory } from '../files/file-names.ts'
import type { FrameEntry } from '../journal/frame.ts'
import { type JournalHeader, readHeader } from '../journal/header.ts'
import { HEADER_FILE, JOURNAL_DIRECTORY } from '../journal/layout.ts'
import { restateFrame } from '../journal/restate.ts'
import { openFile } from '../journal/ring.ts'
import { FrameReader, type JournalScan, scanJournal } from '../journal/scan.ts'
import { recoveryMarks } from '../recovery-marks.ts'
import { BatchScanner } from '../segment/batch-scanner.ts'
import { SegmentList } from '../segment/segment-list.ts'
import { StoredFiles } from '../stored-files/stored-files.ts'
import { readSwapped } from '../survey/noted-segments.ts'
import { readCatalogue } from './catalogue-reader.ts'
import { clearDeadDirectories, directoryTopicId, secureDirectory } from './dead-directories.ts'
import { PartitionRecovery, type RecoveryContext } from './partition-recovery.ts'
import type { RecoveryInput } from './recovery-input.ts'
import { SetAside } from './set-aside.ts'
import { settleSwaps } from './settle-swaps.ts'

/** What an opening goes on from. */
export interface Recovered {
  readonly clean: boolean
  readonly header: JournalHeader
  readonly checkpointSequence: number
  /** Where a durable copy of it stands: not to be overwritten by the next one. */
  readonly checkpointPlace: number
  /** Frames up to it are covered once the checkpoint that follows recovery is durable. */
  readonly coveredSequence: number
  readonly producerIdsEnd: number
  readonly partitions: readonly { readonly stored: StoredPartition; readonly files: StoredFiles }[]
  /** Checkpoint records that stay as they were noted: of partitions that need no look, or are damaged from there on. */
  readonly noted: ReadonlyMap<string, CheckpointPartition>
  readonly replayedFrames: number
  readonly skippedBatches: number
  readonly setAside: SetAside
  readonly damage: readonly Damage[]
  /** A frame is missing that was acknowledged: nothing is written, all is read-only. */
  readonly readOnly: boolean
}

export function partitionKey(topicId: string, partition: number): string {
  return `${topicId}/${partition}`
}

/** Whether the directory holds a log; a header that was never finished belongs to a creation that never was. */
export function* readJournalHeader(store: FileStore, kernel: Kernel): Task<JournalHeader | undefined> {
  const file = yield* openFile(store, HEADER_FILE, false)
  if (file === undefined) return undefined
  const { header } = readHeader(file, kernel)
  file.close()
  return header
}

/** Rule 6 of docs/durability.md, in its order. Writes nothing outside its own places before the last frame is restated. */
export function* recover(input: RecoveryInput, header: JournalHeader): Task<Recovered> {
  const { store, kernel } = input
  const torn: string[] = []
  const found = yield* readCheckpoints(store, kernel, header.nonce, torn)
  const checkpoint = newestCheckpoint(found, torn, header)
  const damage: Damage[] = []
  const scan = yield* scanJournal(store, kernel, header.nonce, header.ringFileBytes, checkpoint.coveredSequence)
  if (scan.gapAt !== undefined) {
    recoveryMarks.hit('journal-gap')
    damage.push(journalDamage(scan, scan.gapAt))
  }
  const isClean = header.clean && scan.frames.length === 0 && scan.gapAt === undefined
  if (header.clean && !isClean && scan.gapAt === undefined)
    damage.push(journalDamage(scan, checkpoint.coveredSequence + 1))
  if (isClean) return yield* notedState(input, header, checkpoint, found[0]?.place ?? 0)
  return yield* new UncleanRecovery(input, header, checkpoint, scan, damage).run(found)
}

function journalDamage(scan: JournalScan, sequence: number): Damage {
  const near: { file: string; position: number } | undefined = scan.broken[0] ?? scan.frames.at(-1)
  const position = near?.position ?? 0
  const file = near?.file ?? HEADER_FILE
  return {
    file,
    position,
    topic: undefined,
    partition: undefined,
    offset: undefined,
    code: `frame ${sequence} is missing`,
  }
}

/**
 * The newest whole record. Only one may be torn: the other is then the newest that was durable, and the frames since
 * it are all still there, because none is reused before its checkpoint is durable (rule 4d).
 */
function newestCheckpoint(
  found: readonly FoundCheckpoint[],
  torn: readonly string[],
  header: JournalHeader,
): CheckpointRecord {
  const newest = found[0]?.record
  if (newest === undefined || newest.sequence < header.checkpointSequence) {
    const what = newest === undefined ? 'none' : `number ${newest.sequence}`
    const message = `the log needs checkpoint ${header.checkpointSequence}, found ${what}`
    const file = torn[0] ?? CHECKPOINT_DIRECTORY
    throw new LogError('CORRUPT_LOG', message, { file, position: 0, expected: header.checkpointSequence })
  }
  return newest
}

function identity(topics: ReadonlyMap<string, CatalogueTopic>, noted: { topicId: string; partition: number }) {
  const internal = Object.entries(INTERNAL_TOPIC_IDS).find(([, id]) => id === noted.topicId)
  const name = internal?.[0] ?? topics.get(noted.topicId)?.name
  return name === undefined ? undefined : { topicId: noted.topicId, topic: name, partition: noted.partition }
}

/**
 * What the checkpoint says of a partition whose log start was moved since: segments below it may be gone. Never the last one,
 * in which recovery goes on (durability rule 11).
 */
function aboveStart(noted: CheckpointPartition, topic: CatalogueTopic | undefined): CheckpointPartition {
  const logStartOffset = Math.max(noted.logStartOffset, startOf(topic, noted.partition))
  const segments = noted.segments.filter((each, index, all) => {
    return each.nextOffset > logStartOffset || index === all.length - 1
  })
  if (segments.length < noted.segments.length) recoveryMarks.hit('segments-below-start')
  return { ...noted, logStartOffset, segments }
}

function startOf(topic: CatalogueTopic | undefined, partition: number): number {
  return topic?.logStartOffsets.get(partition) ?? 0
}

function filesOf(input: RecoveryInput, id: StoredPartition['id'], noted: CheckpointPartition | undefined): StoredFiles {
  const directory = partitionDirectory(id.topic, id.partition)
  const config = () => input.source.segmentConfig(id)
  const segments = new SegmentList(input.segments, directory, config, noted?.segments ?? [])
  const files = new StoredFiles(id, directory, segments, noted)
  files.readOnly = noted?.readOnly ?? false
  files.damage = noted?.damage
  return files
}

/** After a clean close the checkpoint says it all: no partition is looked at before it is used. */
function* notedState(
  input: RecoveryInput,
  header: JournalHeader,
  checkpoint: CheckpointRecord,
  checkpointPlace: number,
): Task<Recovered> {
  const noted = new Map(checkpoint.partitions.map((each) => [partitionKey(each.topicId, each.partition), each]))
  const topics = yield* readNotedCatalogue(input, noted)
  const partitions = checkpoint.partitions.flatMap((record) => {
    const id = identity(topics, record)
    if (id === undefined) return []
    const each = aboveStart(record, topics.get(record.topicId))
    const files = filesOf(input, id, each)
    files.changed = false
    return [{ files, stored: storedOf(id, each, files) }]
  })
  return {
    clean: true,
    // A recovery that died after its checkpoint, before its header: its epoch is in force, its jumps stand under it.
    header: {
      ...header,
      generation: Math.max(header.generation, checkpoint.generation),
      leaderEpoch: Math.max(header.leaderEpoch, checkpoint.leaderEpoch),
    },
    checkpointSequence: checkpoint.sequence,
    checkpointPlace,
    coveredSequence: checkpoint.coveredSequence,
    producerIdsEnd: checkpoint.producerIdsEnd,
    partitions,
    noted,
    replayedFrames: 0,
    skippedBatches: 0,
    setAside: new SetAside(input.store),
    damage: [],
    readOnly: false,
  }
}

function storedOf(id: StoredPartition['id'], noted: CheckpointPartition, files: StoredFiles): StoredPartition {
  const { logStartOffset, nextOffset, ceiling, producers } = noted
  const maxTimestamp = files.segments.active?.maxTimestamp ?? -1
  const { readOnly, damageReport: damage } = files
  return { id, logStartOffset, nextOffset, ceiling, producers, maxTimestamp, readOnly, damage }
}

function* readNotedCatalogue(
  input: RecoveryInput,
  noted: ReadonlyMap<string, CheckpointPartition>,
): Task<ReadonlyMap<string, CatalogueTopic>> {
  const topicId = INTERNAL_TOPIC_IDS[CATALOGUE_TOPIC] ?? ''
  const record = noted.get(partitionKey(topicId, 0))
  const catalogue = new Catalogue()
  if (record !== undefined) {
    const files = filesOf(input, { topicId, topic: CATALOGUE_TOPIC, partition: 0 }, record)
    yield* readCatalogue(input, files, catalogue)
  }
  return new Map(catalogue.durable.live().map((topic) => [topic.topicId, topic]))
}

class UncleanRecovery {
  readonly #input: RecoveryInput
  readonly #header: JournalHeader
  readonly #checkpoint: CheckpointRecord
  readonly #scan: JournalScan
  readonly #noted: Map<string, CheckpointPartition>
  readonly #kept = new Map<string, CheckpointPartition>()
  readonly #entries = new Map<string, FrameEntry[]>()
  readonly #context: RecoveryContext
  readonly #partitions: { stored: StoredPartition; files: StoredFiles }[] = []
  #producerIdsEnd: number

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
    this.#producerIdsEnd = checkpoint.producerIdsEnd
    this.#noted = new Map(checkpoint.partitions.map((each) => [partitionKey(each.topicId, each.partition), each]))
    const { store, kernel, files } = input
    const scanner = new BatchScanner(kernel)
    const leaderEpoch = Math.max(header.leaderEpoch, checkpoint.leaderEpoch)
    const setAside = new SetAside(store)
    this.#context = { store, kernel, files, scanner, setAside, damage, leaderEpoch, skippedBatches: 0 }
  }

  *run(found: readonly FoundCheckpoint[]): Task<Recovered> {
    const readOnly = this.#isReadOnly
    const generation = this.#newGeneration()
    const { covered, checkpointPlace } = readOnly
      ? { covered: this.#lastSequence(), checkpointPlace: 0 }
      : yield* this.#secure(found, generation)
    yield* this.#loadEntries()
    const catalogue = new Catalogue()
    yield* this.#recoverPartition(
      { topicId: catalogueId(), topic: CATALOGUE_TOPIC, partition: 0 },
      undefined,
      catalogue,
    )
    const live = new Map(catalogue.durable.live().map((topic) => [topic.topicId, topic]))
    const isVouchedFor = (topic: string, partition: number) => this.#isVouchedFor(catalogue, topic, partition)
    if (!readOnly) yield* clearDeadDirectories(this.#input.store, catalogue.durable, isVouchedFor, this.#context.damage)
    for (const id of this.#livePartitions(live)) yield* this.#recoverPartition(id, live.get(id.topicId))
    this.#countDead(live)
    if (!readOnly) yield* this.#keepBrokenFrames()
    yield* this.#context.setAside.finish()
    this.#context.scanner.close()
    const leaderEpoch = Math.max(this.#header.leaderEpoch, this.#checkpoint.leaderEpoch) + 1
    return {
      clean: false,
      header: { ...this.#header, generation, leaderEpoch },
      checkpointSequence: this.#checkpoint.sequence,
      checkpointPlace,
      coveredSequence: covered,
      producerIdsEnd: this.#producerIdsEnd,
      partitions: this.#partitions,
      noted: this.#kept,
      replayedFrames: this.#scan.frames.length,
      skippedBatches: this.#context.skippedBatches,
      setAside: this.#context.setAside,
      damage: this.#context.damage,
      readOnly,
    }
  }

  get #isReadOnly(): boolean {
    return this.#scan.gapAt !== undefined
  }

  #isVouchedFor(catalogue: Catalogue, topic: string, partition: number): boolean {
    const topicId = INTERNAL_TOPIC_IDS[topic] ?? catalogue.durable.byName(topic)?.topicId
    if (topicId === undefined) return false
    const key = partitionKey(topicId, partition)
    return this.#noted.has(key) || this.#entries.has(key)
  }

  /** The last frame may be torn, and then nobody was told; whoever doubts it finds its bytes. */
  *#keepBrokenFrames(): Task<void> {
    for (const { file: path, position, sizeBytes } of this.#scan.broken) {
      const file = yield* openFile(this.#input.store, path, false)
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
   * Whatever is read may not be durable, and acting on it first would show what a crash takes back: the checkpoint is copied,
   * the last frame restated (rule 6b), the header's place flushed before the other one is written. A process that was killed also
   * leaves entries that are seen and not durable: the root's here, those of partitions with the checkpoint that follows.
   * None of these needs another one, so all are waited for together.
   */
  *#secure(
    found: readonly FoundCheckpoint[],
    generation: number,
  ): Task<{ readonly covered: number; readonly checkpointPlace: number }> {
    const { store, observer } = this.#input
    const copy = yield* placeCopy(store, found)
    const last = this.#scan.frames.at(-1)
    const restated = last === undefined ? undefined : yield* restateFrame(this.#input, this.#header, last, generation)
    const headerFile = yield* openFile(store, HEADER_FILE, false)
    const files = [copy?.file, restated?.file, headerFile].filter((file) => file !== undefined)
    const directories = [CHECKPOINT_DIRECTORY, JOURNAL_DIRECTORY, '']
    yield* performAll([...files.map(flushOf), ...directories.map((each) => directorySync(store, each))])
    for (const file of files) file.close()
    if (restated !== undefined) {
      recoveryMarks.hit('frame-restated')
      observer?.frameDurable(restated.sequence)
    }
    return { covered: restated?.sequence ?? this.#checkpoint.coveredSequence, checkpointPlace: copy?.place ?? 0 }
  }

  *#loadEntries(): Task<void> {
    const reader = new FrameReader(this.#input.store)
    try {
      for (const found of this.#scan.frames) {
        // Within a frame extents come last, though the rolled segment after one may be inline: offsets say what came first.
        const entries = [...(yield* reader.entries(found))].sort((a, b) => placeOf(a) - placeOf(b))
        for (const entry of entries) {
          if (entry.kind === 'producerIds') this.#producerIdsEnd = Math.max(this.#producerIdsEnd, entry.end)
          else this.#add(partitionKey(entry.topicId, entry.partition), entry)
        }
      }
    } finally {
      reader.close()
    }
  }

  #add(key: string, entry: FrameEntry): void {
    const entries = this.#entries.get(key)
    if (entries === undefined) this.#entries.set(key, [entry])
    else entries.push(entry)
  }

  /** `topic`: of a user's partition; `catalogue`: gets what the catalogue's own one holds. */
  *#recoverPartition(
    id: StoredPartition['id'],
    topic: CatalogueTopic | undefined,
    catalogue?: Catalogue | undefined,
  ): Task<void> {
    const readOnly = this.#isReadOnly
    const key = partitionKey(id.topicId, id.partition)
    const record = this.#noted.get(key)
    const noted = record && aboveStart(record, topic)
    const entries = this.#entries.get(key) ?? []
    const files = filesOf(this.#input, id, noted)
    if (!readOnly && noted !== undefined && (yield* this.#isUntouched(files, noted, entries))) {
      this.#partitions.push({ files, stored: this.#goOn(files, noted, entries) })
      if (catalogue !== undefined) yield* readCatalogue(this.#input, files, catalogue)
      return
    }
    // A directory that doesn't say whose it is was never finished: no byte of the partition is in it (rule 7).
    const hasPlace =
      noted !== undefined ||
      entries.length > 0 ||
      (yield* directoryTopicId(this.#input.store, files.directory)) === id.topicId
    if (!hasPlace) return
    if (noted === undefined && !readOnly) yield* secureDirectory(this.#input.store, files.directory)
    if (readOnly || noted?.readOnly === true)
      yield* readSwapped(this.#input.segments, files.directory, files.segments, noted?.segments ?? [])
    if (readOnly) {
      files.readOnly = true
      if (noted !== undefined) this.#partitions.push({ files, stored: storedOf(id, noted, files) })
    } else {
      if (noted?.readOnly !== true) yield* this.#settleSwaps(files, noted)
      const isCoordinator = holdsDecisions(id.topicId)
      const stored = yield* new PartitionRecovery(this.#context, files, noted, isCoordinator).run(entries)
      if (stored.readOnly && noted !== undefined && stored.nextOffset === noted.nextOffset)
        this.#keep(key, noted, files)
      else if (noted === undefined || files.changed) files.directoryChanged()
      this.#partitions.push({ files, stored })
    }
    if (catalogue !== undefined) yield* readCatalogue(this.#input, files, catalogue)
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
    yield* readSwapped(this.#input.segments, files.directory, files.segments, noted?.segments ?? [])
  }

  /**
   * Of a partition that no frame names: batches of acks 1 need none and outlive their process
   * (docs/decisions/013-untouched-partitions.md).
   */
  *#isUntouched(files: StoredFiles, noted: CheckpointPartition, entries: readonly FrameEntry[]): Task<boolean> {
    if (noted.readOnly || entries.some(({ kind }) => kind !== 'ceiling')) return false
    return yield* files.segments.isAsNoted(noted.partialSector)
  }

  /** As noted; above the ceiling if there is one (rule 5), and then that has to be noted. */
  #goOn(files: StoredFiles, noted: CheckpointPartition, entries: readonly FrameEntry[]): StoredPartition {
    recoveryMarks.hit('partition-untouched')
    const raised = entries.map((entry) => (entry.kind === 'ceiling' ? entry.ceiling : 0))
    const ceiling = Math.max(noted.ceiling, ...raised)
    files.isUsed = true
    files.unproven = files.segments.active
    files.nextOffset = Math.max(noted.nextOffset, ceiling)
    files.changed = ceiling > noted.ceiling || files.nextOffset > noted.nextOffset
    if (files.nextOffset > noted.nextOffset) recoveryMarks.hit('continue-at-ceiling')
    if (!files.changed) this.#kept.set(partitionKey(noted.topicId, noted.partition), noted)
    return { ...storedOf(files.id, noted, files), ceiling, nextOffset: files.nextOffset }
  }

  /** Its files may not even be there: nothing of it is synced or noted anew. */
  #keep(key: string, noted: CheckpointPartition, files: StoredFiles): void {
    this.#kept.set(key, { ...noted, readOnly: true, damage: files.damage })
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

  /** Batches of topics that are deleted since are skipped, and counted (rule 6c). */
  #countDead(live: ReadonlyMap<string, CatalogueTopic>): void {
    const own = Object.values(INTERNAL_TOPIC_IDS)
    for (const entry of [...this.#entries.values()].flat()) {
      if (!('topicId' in entry) || entry.kind === 'ceiling') continue
      if (own.includes(entry.topicId) || live.has(entry.topicId)) continue
      recoveryMarks.hit('dead-topic-skipped')
      this.#context.skippedBatches++
    }
  }
}

function placeOf(entry: FrameEntry): number {
  return 'baseOffset' in entry ? entry.baseOffset : -1
}

function catalogueId(): string {
  return INTERNAL_TOPIC_IDS[CATALOGUE_TOPIC] ?? ''
}
