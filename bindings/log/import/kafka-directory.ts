import { LogError } from '../../model/errors.ts'
import { perform, type Task } from '../../storage/effect.ts'
import type { FileStore } from '../../storage/file-store.ts'
import { PARTITION_METADATA } from '../files/file-names.ts'
import { parsePartitionMetadata } from '../files/partition-metadata.ts'
import { readFile, textOf } from '../files/text-file.ts'
import { JOURNAL_DIRECTORY } from '../journal/layout.ts'
import {
  CLEAN_SHUTDOWN,
  CLUSTER_METADATA_TOPIC,
  classifyRootName,
  HIGH_WATERMARKS,
  LOG_STARTS,
  META_PROPERTIES,
  RECOVERY_POINTS,
  type RootName,
} from './kafka-names.ts'
import type { LeftOut } from './left-out.ts'
import { parseOffsetCheckpoint } from './offset-checkpoint.ts'
import type { ReadContext } from './read-context.ts'

const SMALL_FILE_BYTES = 64 * 1024
/** A line for each partition of the broker. */
const CHECKPOINT_BYTES = 64 * 1024 * 1024
const META_VERSIONS = ['0', '1']

/** A partition as the directory's small files tell of it. */
export interface KafkaPartition {
  readonly topic: string
  readonly partition: number
  readonly directory: string
  /** `undefined`: no file says it. */
  readonly topicId: string | undefined
  /** Kafka had stopped it cleanly: nothing of it is torn. */
  readonly isClean: boolean
  /** Below it the broker had synced everything; what lies at or above it is recovered after a kill. */
  readonly recoveryPoint: number
  /** As checkpointed; the first segment may begin later. */
  readonly logStartOffset: number
  /** Consumers may have seen everything below. */
  readonly highWatermark: number
}

export interface KafkaDirectory {
  readonly isClean: boolean
  /** By topic, then by number. */
  readonly partitions: readonly KafkaPartition[]
  readonly leftOut: readonly LeftOut[]
}

const PASSING: Readonly<Record<'delete' | 'future' | 'stray', string>> = {
  delete: 'its topic is deleted',
  future: 'a copy on its way between directories: the partition itself counts',
  stray: 'the cluster has no such partition',
}

type LookContext = Pick<ReadContext, 'store' | 'leaveOutDamaged' | 'leftOut'>

/** What a broker's directory holds; no batch is read yet. INVALID_REQUEST for one that no broker wrote. */
export function* readKafkaDirectory(context: LookContext): Task<KafkaDirectory> {
  const { store } = context
  const names = yield* perform('list', '', () => store.list(''))
  if (names.includes(JOURNAL_DIRECTORY))
    throw noBroker('is a log of oncelog already: open it, or copy it with `backup`')
  const classified = names.map((name) => ({ name, ...classifyRootName(name) }))
  if (!classified.some(({ kind }) => kind === 'partition')) throw noBroker('holds no partition of a Kafka broker')
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
      topicId: yield* readTopicId(store, name),
      // The controllers' log knows no clean stop: it is always recovered from its beginning.
      isClean: isClean && root.topic !== CLUSTER_METADATA_TOPIC,
      recoveryPoint: recoveryPoints.get(name) ?? 0,
      logStartOffset: Math.max(0, logStarts.get(name) ?? 0),
      highWatermark: Math.max(0, highWatermarks.get(name) ?? 0),
    })
  }
  const leftOut = classified.flatMap(({ name, kind }) => passing(name, kind))
  return { isClean, partitions: partitions.sort(byPlace), leftOut }
}

function byPlace(a: KafkaPartition, b: KafkaPartition): number {
  if (a.topic === b.topic) return a.partition - b.partition
  return a.topic < b.topic ? -1 : 1
}

function passing(name: string, kind: RootName['kind']): LeftOut[] {
  return kind === 'partition' || kind === 'other' ? [] : [{ file: name, why: PASSING[kind], isLoss: false }]
}

function* readOffsets(
  { store, leaveOutDamaged, leftOut }: LookContext,
  name: string,
): Task<ReadonlyMap<string, number>> {
  const bytes = yield* readFile(store, name, CHECKPOINT_BYTES)
  if (bytes === undefined) return new Map()
  try {
    return parseOffsetCheckpoint(bytes, name)
  } catch (error) {
    if (!leaveOutDamaged || !LogError.is(error, 'CORRUPT_LOG')) throw error
    // So does Kafka's start: each log begins at its first segment, and is recovered from there.
    leftOut.push({ file: name, why: `${error.message}: it counts as missing`, isLoss: false })
    return new Map()
  }
}

function* readTopicId(store: FileStore, directory: string): Task<string | undefined> {
  const path = `${directory}/${PARTITION_METADATA}`
  const bytes = yield* readFile(store, path, SMALL_FILE_BYTES)
  // Before 2.8 there was none; a broker that is killed may leave an empty one, and writes it again.
  return bytes === undefined || bytes.length === 0 ? undefined : parsePartitionMetadata(bytes, path)
}

/** Java properties; of these lines only `version=` matters. A directory without it was copied by hand: nothing else needs it. */
function* assertKnownVersion(store: FileStore): Task<void> {
  const bytes = yield* readFile(store, META_PROPERTIES, SMALL_FILE_BYTES)
  if (bytes === undefined) return
  const version = /^version=(.*)$/m.exec(textOf(bytes, META_PROPERTIES))?.[1]?.trim()
  if (version === undefined || META_VERSIONS.includes(version)) return
  const message = `${META_PROPERTIES} has version ${version.slice(0, 20)}, and only ${META_VERSIONS.join(' and ')} are known`
  throw new LogError('UNSUPPORTED_FOR_MESSAGE_FORMAT', message, { file: META_PROPERTIES, position: 0 })
}

function noBroker(what: string): LogError {
  return new LogError('INVALID_REQUEST', `the directory ${what}`, { argument: 'source' })
}
