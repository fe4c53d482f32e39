import type { Kernel } from '../../kernel/kernel.ts'
import { LogError } from '../../model/errors.ts'
import { type ParsedTopicConfig, parseTopicConfig } from '../../model/topic-config.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { PartitionIdentity } from '../../storage/partition-identity.ts'
import { CATALOGUE_TOPIC, INTERNAL_TOPIC_IDS } from '../catalogue/topic-ids.ts'
import { PARTITION_METADATA, parsePartitionDirectory, partitionDirectory } from '../files/file-names.ts'
import { directoryTopicId, namesAnother } from '../files/partition-directory.ts'
import { partitionKey } from '../files/partition-key.ts'
import { NewLog } from '../new-log/new-log.ts'
import { encodeBatch } from '../partition/encode.ts'
import { BatchScanner } from '../segment/batch-scanner.ts'
import { SCRATCH_BYTES } from '../segment/segment-context.ts'
import type { NewJournal } from '../store/create-journal.ts'
import { assertEmpty } from '../store/unfinished-copy.ts'
import { type SurveyContext, sizeOf, walkRun } from '../survey/survey-context.ts'
import { copyPartition } from './copy-partition.ts'
import { decisionsWithoutFrames } from './decisions-without-frames.ts'
import { type JournalRemains, readJournalRemains } from './journal-remains.ts'
import type { Loss } from './loss.ts'
import { type SurveyedPartition, surveyPartition } from './partition-survey.ts'
import { readableParts } from './readable-store.ts'
import type { SalvageContext } from './salvage-context.ts'
import { SalvagedTopics } from './salvaged-topics.ts'

/** What the copy of a log's intact parts holds, and what it lacks. */
export interface SalvageReport {
  /** Partitions in the copy, the log's own included. */
  readonly partitions: number
  /** Batches in the copy. */
  readonly batches: number
  /** Bytes of those batches. */
  readonly bytes: number
  /** By topic, partition and offset; losses that belong to no partition come first. Empty if nothing was lost. */
  readonly losses: readonly Loss[]
}

/** What is salvaged, and into what. */
export interface Salvaging {
  /** Is only read, and nobody else has it open. */
  readonly source: FileStore
  readonly target: FileStore
  readonly kernel: Kernel
  /** Of the new log's journal. */
  readonly options: NewJournal['options']
  /**
   * Milliseconds since 1970: the time of records that are written anew, where those that say which topics there are
   * were lost.
   */
  readonly now: number
  readonly progress?: SalvageProgress | undefined
}

/** Bytes that were looked at or copied so far, and in all. */
export type SalvageProgress = (done: number, total: number) => void

/**
 * Copies what is provably intact of the log in `source` into the empty `target`, which is a log once this ends
 * (docs/decisions/023-salvage.md). Offsets stay: what is lost leaves a gap in
 * the copy, which readers pass over as they do one that compaction left. INVALID_REQUEST for a target that isn't empty;
 * DIRECTORY_IN_USE, STORAGE_FULL, KAFKA_STORAGE_ERROR by either.
 */
export function* salvageLog(given: Salvaging): Task<SalvageReport> {
  const { target, kernel, options, now, progress = () => {} } = given
  yield* assertEmpty(target)
  const source = readableParts(given.source)
  const scanner = new BatchScanner(kernel)
  const scratch = kernel.allocate(SCRATCH_BYTES)
  if (scratch === undefined) throw new LogError('MEMORY_CAP_REACHED', 'the memory cap is too small for a log')
  try {
    const remains = yield* allRemains({ store: source, kernel, scanner, scratch })
    const log = yield* NewLog.begin({ store: target, kernel, options })
    try {
      // Every byte counts twice: it is surveyed, and then copied.
      const total = 2 * (yield* batchBytes(source))
      let done = 0
      const progressed = (bytes: number) => {
        done = Math.min(total, done + bytes)
        progress(done, total)
      }
      const known = { leaderEpoch: remains.leaderEpochMax, lostFrames: remains.losses[0] }
      const context = { store: source, kernel, scanner, scratch, progressed, ...known }
      const report = yield* new Salvage(context, remains, log, now).run()
      yield* log.finish(remains)
      return report
    } finally {
      yield* log.abandon()
    }
  } finally {
    scratch.free()
    scanner.close()
  }
}

/** A ring that was overwritten tells of no frame: then the decisions themselves do. */
function* allRemains(given: Omit<SurveyContext, 'progressed' | 'leaderEpoch'>): Task<JournalRemains> {
  const remains = yield* readJournalRemains(given.store, given.kernel)
  if (remains.losses.length > 0) return remains
  const context = { ...given, leaderEpoch: remains.leaderEpochMax, progressed: () => {}, lostFrames: undefined }
  return { ...remains, losses: yield* decisionsWithoutFrames(context, remains) }
}

function* batchBytes(store: FileStore): Task<number> {
  let total = 0
  for (const directory of yield* perform('list', '', () => store.list(''))) {
    if (parsePartitionDirectory(directory) === undefined) continue
    for (const name of yield* perform('list', directory, () => store.list(directory))) {
      if (name.endsWith('.log')) total += (yield* sizeOf(store, `${directory}/${name}`)) ?? 0
    }
  }
  return total
}

class Salvage {
  readonly #context: SalvageContext
  readonly #remains: JournalRemains
  readonly #log: NewLog
  readonly #now: number
  readonly #topics = new SalvagedTopics()
  readonly #losses: Loss[]
  readonly #totals = { partitions: 0, batches: 0, bytes: 0 }

  constructor(context: SalvageContext, remains: JournalRemains, log: NewLog, now: number) {
    this.#context = context
    this.#remains = remains
    this.#log = log
    this.#now = now
    this.#losses = [...remains.losses]
  }

  *run(): Task<SalvageReport> {
    yield* this.#catalogue()
    for (const [topic, topicId] of Object.entries(INTERNAL_TOPIC_IDS)) {
      const id = { topic, topicId, partition: 0 }
      if (topic !== CATALOGUE_TOPIC && (yield* this.#isThere(id))) yield* this.#partition(id, TABLE_CONFIG)
    }
    for (const { topicId, name, partitions, config } of this.#topics.view.live()) {
      for (let partition = 0; partition < partitions; partition++) {
        yield* this.#partition({ topicId, topic: name, partition }, parseTopicConfig(config))
      }
    }
    return { ...this.#totals, losses: this.#losses }
  }

  /** Comes first, because the catalogue says which partitions there are. */
  *#catalogue(): Task<void> {
    const id = { topic: CATALOGUE_TOPIC, topicId: INTERNAL_TOPIC_IDS[CATALOGUE_TOPIC] ?? '', partition: 0 }
    const survey = yield* this.#survey(id, TABLE_CONFIG)
    const { scanner } = this.#context
    for (const run of survey.runs) {
      const topics = this.#topics
      yield* walkRun(this.#context, run, (batch) => {
        const decoded = scanner.decoded(batch)
        if (typeof decoded !== 'string') topics.take(decoded)
        return undefined
      })
    }
    const { noted, runs } = this.#remains
    const isKnown = (topicId: string) => [...noted.keys(), ...runs.keys()].some((key) => key.startsWith(`${topicId}/`))
    if (survey.holes.length > 0 || this.#remains.losses.length > 0 || this.#topics.isIncomplete)
      yield* this.#topics.completeFrom(this.#context.store, isKnown)
    if (survey.holes.length === 0 && !this.#topics.isIncomplete) return yield* this.#copy(id, TABLE_CONFIG, survey)
    yield* this.#writeCatalogue(id, survey)
  }

  /** Catalogue records build on each other. If some are lost, the state is written anew after those that aren't. */
  *#writeCatalogue(id: PartitionIdentity, survey: SurveyedPartition): Task<void> {
    const { kernel, scanner } = this.#context
    const { topic, partition } = id
    const into = yield* this.#log.partition(id, TABLE_CONFIG)
    const records = this.#topics.snapshot()
    if (records.length > 0) {
      const nobody = { producerId: -1, producerEpoch: -1, baseSequence: -1, attributes: 0 }
      const seal = { ...nobody, baseOffset: survey.nextOffset, partitionLeaderEpoch: this.#remains.leaderEpoch }
      const batch = scanner.inBytes(encodeBatch(kernel, records, seal, this.#now), 0)
      if (typeof batch !== 'string') yield* into.append(batch)
    }
    const { nextOffset } = into
    yield* this.#log.endPartition(into, { logStartOffset: 0, nextOffset, cleanedOffset: 0, producers: [] })
    this.#totals.partitions++
    this.#losses.push(...survey.holes.map((hole): Loss => ({ topic, partition, kind: 'missing', ...hole })))
  }

  *#partition(id: PartitionIdentity, config: ParsedTopicConfig): Task<void> {
    if (!(yield* this.#isOwnDirectory(id))) return yield* this.#copy(id, config, NOTHING)
    yield* this.#copy(id, config, yield* this.#survey(id, config))
  }

  *#isThere(id: PartitionIdentity): Task<boolean> {
    const directory = partitionDirectory(id.topic, id.partition)
    const names = yield* perform('list', directory, () => this.#context.store.list(directory))
    return names.length > 0 || this.#isKnown(id)
  }

  #isKnown({ topicId, partition }: PartitionIdentity): boolean {
    const key = partitionKey(topicId, partition)
    return this.#remains.noted.has(key) || this.#remains.runs.has(key)
  }

  /**
   * A directory that names another topic belongs to that one, unless checkpoint or journal know it as this partition's
   * (durability rule 7).
   */
  *#isOwnDirectory(id: PartitionIdentity): Task<boolean> {
    const { store } = this.#context
    const directory = partitionDirectory(id.topic, id.partition)
    if (this.#isKnown(id) || (yield* directoryTopicId(store, directory)) === id.topicId) return true
    const names = yield* perform('list', directory, () => store.list(directory))
    const { topic, partition } = id
    const place = { topic, partition, offset: undefined, nextOffset: undefined, position: 0 }
    const file = `${directory}/${PARTITION_METADATA}`
    if (names.some((name) => name.endsWith('.log')))
      this.#losses.push({ ...place, kind: 'unknown', file, code: 'names another topic id' })
    return false
  }

  *#survey(id: PartitionIdentity, { cleanupPolicy }: ParsedTopicConfig): Task<SurveyedPartition> {
    const key = partitionKey(id.topicId, id.partition)
    const { noted, runs, hasCheckpoint } = this.#remains
    return yield* surveyPartition(this.#context, {
      directory: partitionDirectory(id.topic, id.partition),
      noted: noted.get(key),
      runs: runs.get(key) ?? [],
      logStartOffset: this.#logStart(id),
      hasCheckpoint,
      isCompacted: cleanupPolicy.includes('compact'),
      isClosedWhole: true,
      isEndRestored: true,
      isOthers: yield* namesAnother(this.#context.store, id),
    })
  }

  #logStart({ topicId, partition }: PartitionIdentity): number {
    const noted = this.#remains.noted.get(partitionKey(topicId, partition))?.logStartOffset ?? 0
    return Math.max(noted, this.#topics.view.liveById(topicId)?.logStartOffsets.get(partition) ?? 0)
  }

  *#copy(id: PartitionIdentity, config: ParsedTopicConfig, survey: SurveyedPartition): Task<void> {
    const key = partitionKey(id.topicId, id.partition)
    const noted = this.#remains.noted.get(key)
    const logStartOffset = this.#logStart(id)
    const nextOffset = Math.max(survey.nextOffset, logStartOffset, this.#remains.ceilings.get(key) ?? 0)
    const end = { logStartOffset, nextOffset, cleanedOffset: noted?.cleanedOffset ?? 0 }
    const into = yield* this.#log.partition(id, config)
    const { losses, ...copied } = yield* copyPartition(this.#context, this.#log, into, { id, survey, noted, end })
    this.#totals.partitions++
    this.#totals.batches += copied.batches
    this.#totals.bytes += copied.bytes
    this.#losses.push(...losses)
  }
}

const TABLE_CONFIG = parseTopicConfig({ 'cleanup.policy': 'compact' })
const NOTHING: SurveyedPartition = { runs: [], holes: [], nextOffset: 0 }
