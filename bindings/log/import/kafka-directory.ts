import { LogError } from '../../model/errors.ts'
import { byPlace } from '../../model/positions.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { META_PROPERTIES, PARTITION_METADATA } from '../files/file-names.ts'
import { parsePartitionMetadata } from '../files/partition-metadata.ts'
import { readFile, textOf } from '../files/small-file.ts'
import { JOURNAL_DIRECTORY } from '../journal/layout.ts'
import type { ImportContext } from './import-context.ts'
import {
  CLEAN_SHUTDOWN,
  CLUSTER_METADATA_TOPIC,
  classifyRootName,
  HIGH_WATERMARKS,
  LOG_STARTS,
  parseKafkaSegmentFile,
  RECOVERY_POINTS,
  type RootName,
} from './kafka-names.ts'
import type { LeftOut } from './left-out.ts'
import { parseOffsetCheckpoint } from './offset-checkpoint.ts'

const SMALL_FILE_BYTES = 64 * 1024
/** Bound for a checkpoint file, which has a line for each partition of the broker. */
const CHECKPOINT_BYTES = 64 * 1024 * 1024
const META_VERSIONS = ['0', '1']

/** What the small files of a broker's directory say of one partition. */
export interface KafkaPartition {
  readonly topic: string
  readonly partition: number
  readonly directory: string
  /** `undefined` if no file says it. */
  readonly topicId: string | undefined
  /** The broker was stopped cleanly, so nothing of the partition is torn. */
  readonly isClean: boolean
  /** The broker had synced everything below it; after a kill, what lies at or above it is recovered. */
  readonly recoveryPoint: number
  /** As the broker's checkpoint says; the first segment may begin later. */
  readonly logStartOffset: number
  /** Consumers may have seen every record below it. */
  readonly highWatermark: number
}

export interface KafkaDirectory {
  readonly isClean: boolean
  /** Sorted by topic, then by number. */
  readonly partitions: readonly KafkaPartition[]
  readonly leftOut: readonly LeftOut[]
}

const PASSING: Readonly<Record<'delete' | 'future' | 'stray', string>> = {
  delete: 'its topic is deleted',
  future: 'a copy on its way between directories: the partition itself counts',
  stray: 'the cluster has no such partition',
}

type LookContext = Pick<ImportContext, 'store' | 'leaveOutDamaged' | 'leftOut'>

/**
 * Reads what a broker's directory holds, and no batch yet. INVALID_REQUEST for a directory that no broker wrote;
 * `source` is what the message calls it.
 */
export function* readKafkaDirectory(context: LookContext, source: string): Task<KafkaDirectory> {
  const { store } = context
  const names = yield* perform('list', '', () => store.list(''))
  if (names.includes(JOURNAL_DIRECTORY))
    throw noBroker(`${source} is a log of oncelog already: open it, or copy it with \`backup\``)
  const files = yield* filesAmong(store, names)
  const classified = names.filter((name) => !files.has(name)).map((name) => ({ name, ...classifyRootName(name) }))
  const directories = classified.flatMap(({ name, kind }) => (kind === 'partition' ? [name] : []))
  // Many things have names like `photos-2024`.
  const isBroker = names.includes(META_PROPERTIES) ? directories.length > 0 : yield* haveSegments(store, directories)
  if (!isBroker) throw noBroker(`${source} holds no partition of a Kafka broker`)
  yield* assertKnownVersion(store)
  const isClean = names.includes(CLEAN_SHUTDOWN)
  const recoveryPoints = yield* readOffsets(context, RECOVERY_POINTS)
  const logStarts = yield* readOffsets(context, LOG_STARTS)
  const highWatermarks = yield* readOffsets(context, HIGH_WATERMARKS)
  const partitions: KafkaPartition[] = []
  for (const { name, ...root } of classified) {
    if (root.kind !== 'partition') continue
    partitions.push({
      topic: root.topic,
      partition: root.partition,
      directory: name,
      topicId: yield* readTopicId(context, name),
      // The controllers' log has no clean stop: Kafka always recovers it from its beginning.
      isClean: isClean && root.topic !== CLUSTER_METADATA_TOPIC,
      recoveryPoint: recoveryPoints.get(name) ?? 0,
      logStartOffset: Math.max(0, logStarts.get(name) ?? 0),
      highWatermark: Math.max(0, highWatermarks.get(name) ?? 0),
    })
  }
  const leftOut = classified.flatMap(({ name, kind }) => passing(name, kind))
  return { isClean, partitions: partitions.sort(byPlace), leftOut }
}

/** Plain files with names of partitions: Kafka's start looks at directories alone (LogManager.loadLogs). */
function* filesAmong(store: FileStore, names: readonly string[]): Task<ReadonlySet<string>> {
  const files = new Set<string>()
  for (const name of names) {
    if (classifyRootName(name).kind === 'other') continue
    try {
      yield* perform('list', name, () => store.list(name))
    } catch (error) {
      if (!LogError.is(error) || error.details['errno'] !== 'ENOTDIR') throw error
      files.add(name)
    }
  }
  return files
}

/** Whether any of them has one: no partition of a broker is without. */
function* haveSegments(store: FileStore, directories: readonly string[]): Task<boolean> {
  for (const directory of directories) {
    const names = yield* perform('list', directory, () => store.list(directory))
    if (names.some((name) => parseKafkaSegmentFile(name) !== undefined)) return true
  }
  return false
}

function passing(name: string, kind: RootName['kind']): LeftOut[] {
  return kind === 'partition' || kind === 'other' ? [] : [{ file: name, why: PASSING[kind], isLoss: false }]
}

function* readOffsets(context: LookContext, name: string): Task<ReadonlyMap<string, number>> {
  const bytes = yield* readFile(context.store, name, CHECKPOINT_BYTES)
  if (bytes === undefined) return new Map()
  // As Kafka's start does it: each log begins at its first segment and is recovered from there.
  return orMissing(context, name, () => parseOffsetCheckpoint(bytes, name)) ?? new Map()
}

/** What a small file says; `undefined` if it is damaged and damage is left out. */
function orMissing<T>({ leaveOutDamaged, leftOut }: LookContext, file: string, parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (!leaveOutDamaged || !LogError.is(error, 'CORRUPT_LOG')) throw error
    leftOut.push({ file, why: `${error.message}: it counts as missing`, isLoss: false })
    return undefined
  }
}

function* readTopicId(context: LookContext, directory: string): Task<string | undefined> {
  const path = `${directory}/${PARTITION_METADATA}`
  const bytes = yield* readFile(context.store, path, SMALL_FILE_BYTES)
  // Kafka had no such file before 2.8; a broker that is killed may leave an empty one, and writes it again.
  if (bytes === undefined || bytes.length === 0) return undefined
  return orMissing(context, path, () => parsePartitionMetadata(bytes, path))
}

/**
 * A file of Java properties, of which only `version=` matters. Nothing else needs it, so a directory without it (copied
 * by hand) is taken.
 */
function* assertKnownVersion(store: FileStore): Task<void> {
  const bytes = yield* readFile(store, META_PROPERTIES, SMALL_FILE_BYTES)
  if (bytes === undefined) return
  const version = /^version=(.*)$/m.exec(textOf(bytes, META_PROPERTIES))?.[1]?.trim()
  if (version === undefined || META_VERSIONS.includes(version)) return
  const message = `${META_PROPERTIES} has version ${version.slice(0, 20)}, and only ${META_VERSIONS.join(' and ')} are known`
  throw new LogError('UNSUPPORTED_FOR_MESSAGE_FORMAT', message, { file: META_PROPERTIES, position: 0 })
}

function noBroker(message: string): LogError {
  return new LogError('INVALID_REQUEST', message, { argument: 'source' })
}
