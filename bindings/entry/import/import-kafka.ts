import type { CommittedOffset } from '../../coordinator/group/group-entry.ts'
import type { KafkaDecisions } from '../../coordinator/transaction/kafka-decisions.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import { OFFSETS_TOPIC, TRANSACTIONS_TOPIC } from '../../log/catalogue/topic-ids.ts'
import { partitionDirectory } from '../../log/files/file-names.ts'
import type { ImportContext } from '../../log/import/import-context.ts'
import { type KafkaPartition, readKafkaDirectory } from '../../log/import/kafka-directory.ts'
import { CLUSTER_METADATA_TOPIC } from '../../log/import/kafka-names.ts'
import { SourcePartition } from '../../log/import/source-partition.ts'
import type { NewLog } from '../../log/new-log/new-log.ts'
import { SCRATCH_BYTES } from '../../log/segment/segment-context.ts'
import { LogError } from '../../model/errors.ts'
import { parseTopicConfig } from '../../model/topic-config.ts'
import { nothing, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { furthestOffsets, groupsOf, keptCommits } from './committed-offsets.ts'
import { PartitionImport } from './import-partition.ts'
import type { ImportedPartition, ImportReport } from './import-report.ts'
import { type PlannedTopic, type PlanOptions, planTopics } from './plan-topics.ts'
import { readClusterMetadata, readCommits, readDecisions } from './source-tables.ts'
import { writeTables } from './write-tables.ts'

export interface ImportOptions extends PlanOptions {
  /** What messages call the directory. */
  readonly source: string
  /** Committed offsets too. */
  readonly groups: boolean
  /**
   * Leave out damage, with everything that follows it in its partition, and report it. By default damage is an error.
   */
  readonly leaveOutDamaged: boolean
  /** Milliseconds since 1970. */
  readonly now: number
  progressed(doneBytes: number, totalBytes: number): void
}

/**
 * Imports the directory of a Kafka broker that isn't running into a new log (docs/decisions/024-import.md). The source
 * is only read. `begin` creates the target, which is no log until all of it is durable (COPY_UNFINISHED); without
 * `begin` nothing is written.
 */
export function* importKafka(
  store: FileStore,
  kernel: Kernel,
  begin: (() => Task<NewLog>) | undefined,
  options: ImportOptions,
): Task<ImportReport> {
  const scratch = kernel.allocate(SCRATCH_BYTES)
  if (scratch === undefined) throw new LogError('MEMORY_CAP_REACHED', 'the memory cap is too small for an import')
  const progress = new Progress(options)
  const { leaveOutDamaged } = options
  try {
    const progressed = (bytes: number) => progress.add(bytes)
    const context: ImportContext = { store, kernel, scratch, leaveOutDamaged, leftOut: [], progressed }
    const source = yield* readSource(context, options)
    progress.expect(source.partitions.flatMap(({ sizes }) => sizes))
    const log = begin === undefined ? undefined : yield* begin()
    try {
      return yield* writeAll(context, source, log, options.now)
    } catch (error) {
      if (log !== undefined) yield* log.abandon()
      throw error
    }
  } finally {
    scratch.free()
  }
}

class Progress {
  readonly #options: Pick<ImportOptions, 'progressed'>
  #doneBytes = 0
  #totalBytes = 0

  constructor(options: Pick<ImportOptions, 'progressed'>) {
    this.#options = options
  }

  /** Adds files that are still to be read. */
  expect(sizes: readonly number[]): void {
    this.#totalBytes = sizes.reduce((sum, size) => sum + size, this.#doneBytes)
  }

  add(bytes: number): void {
    this.#doneBytes += bytes
    this.#options.progressed(this.#doneBytes, Math.max(this.#doneBytes, this.#totalBytes))
  }
}

/** A partition to import, before any batch of it is read. */
interface SourceOf {
  readonly topic: PlannedTopic
  readonly partition: number
  /** `undefined`: the directory lacks it, an empty one stands for it. */
  readonly source: SourcePartition | undefined
  readonly sizes: readonly number[]
}

interface Source {
  readonly isClean: boolean
  readonly topics: readonly PlannedTopic[]
  readonly partitions: readonly SourceOf[]
  readonly decisions: KafkaDecisions
  readonly commits: readonly CommittedOffset[]
  readonly producerIdsEnd: number
}

/** Everything but the topics' own batches. */
function* readSource(context: ImportContext, options: ImportOptions): Task<Source> {
  const directory = yield* readKafkaDirectory(context, options.source)
  context.leftOut.push(...directory.leftOut)
  const placesOf = (topic: string): KafkaPartition[] => directory.partitions.filter((place) => place.topic === topic)
  const cluster = yield* readClusterMetadata(context, placesOf(CLUSTER_METADATA_TOPIC)[0])
  const topics = planTopics(context, directory, cluster, options)
  const decisions = yield* readDecisions(context, placesOf(TRANSACTIONS_TOPIC))
  const found = options.groups ? yield* readCommits(context, placesOf(OFFSETS_TOPIC), decisions) : []
  const partitions: SourceOf[] = []
  for (const topic of topics) {
    for (const [partition, place] of topic.places.entries()) {
      const source = place === undefined ? undefined : yield* SourcePartition.open(context, place)
      if (topic.isTiered && source !== undefined) leaveRemote(context, source)
      partitions.push({ topic, partition, source, sizes: source === undefined ? [] : yield* source.sizes() })
    }
  }
  const commits = keptCommits(context, found, topics)
  const producerIdsEnd = Math.max(decisions.producerIdMax + 1, cluster?.producerIdsEnd ?? 0)
  return { isClean: directory.isClean, topics, partitions, decisions, commits, producerIdsEnd }
}

/** Below its first segment Kafka reads from tiered storage. */
function leaveRemote({ leftOut }: ImportContext, { place, logStartOffset }: SourcePartition): void {
  const { topic, partition, directory: file, logStartOffset: offset } = place
  const why = `its records below offset ${logStartOffset} are in tiered storage`
  if (offset < logStartOffset) leftOut.push({ file, topic, partition, offset, why, isLoss: true })
}

function* writeAll(context: ImportContext, source: Source, log: NewLog | undefined, now: number): Task<ImportReport> {
  const { isClean, topics, decisions, commits, producerIdsEnd } = source
  const furthest = furthestOffsets(commits)
  const partitions: ImportedPartition[] = []
  for (const each of source.partitions) {
    const continueAt = furthest.get(partitionDirectory(each.topic.topic, each.partition)) ?? 0
    partitions.push(yield* importPartition({ context, log, decisions, now }, each, continueAt))
  }
  for (const each of source.partitions) yield* assertUnchanged(each)
  if (log !== undefined) {
    yield* writeTables({ log, kernel: context.kernel, now }, { topics, partitions, commits })
    yield* log.finish({ generation: 0, leaderEpoch: 0, producerIdsEnd })
  }
  return {
    isClean,
    topics: topics.map(({ places: _, isTiered: __, ...topic }) => topic),
    partitions,
    groups: groupsOf(commits),
    leftOut: context.leftOut,
  }
}

/** What the imports of all partitions share. */
interface Import {
  readonly context: ImportContext
  /** `undefined` in a dry run. */
  readonly log: NewLog | undefined
  readonly decisions: KafkaDecisions
  /** Milliseconds since 1970. */
  readonly now: number
}

/** `continueAt`: a group has committed it, so no later record may get an offset below. */
function* importPartition(
  { context, log, decisions, now }: Import,
  { topic: { topic, topicId, config }, partition, source }: SourceOf,
  continueAt: number,
): Task<ImportedPartition> {
  const target = yield* log?.partition({ topicId, topic, partition }, parseTopicConfig(config)) ?? nothing()
  const imported =
    source === undefined
      ? { topic, partition, logStartOffset: 0, nextOffset: continueAt, records: 0, batches: 0, sizeBytes: 0 }
      : yield* new PartitionImport(context, source, decisions, now).run(target, continueAt)
  const { logStartOffset, nextOffset } = imported
  // Producers of the broker never use this log, and their open transactions are ended.
  if (log !== undefined && target !== undefined)
    yield* log.endPartition(target, { logStartOffset, nextOffset, cleanedOffset: 0, producers: [] })
  return imported
}

/** A broker that runs meanwhile would change files during the copy, or begin further ones. */
function* assertUnchanged({ source, sizes }: SourceOf): Task<void> {
  const file = yield* source?.changedFile(sizes) ?? nothing()
  if (file === undefined) return
  const message = `${file} changed while it was read: stop the broker first, or import a copy that was made while it stood still`
  throw new LogError('INVALID_REQUEST', message, { argument: 'source', file })
}
