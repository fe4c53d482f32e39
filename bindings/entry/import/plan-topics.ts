import { isUserTopicId } from '../../log/catalogue/topic-ids.ts'
import { partitionDirectory } from '../../log/files/file-names.ts'
import type { ImportContext } from '../../log/import/import-context.ts'
import type { KafkaDirectory, KafkaPartition } from '../../log/import/kafka-directory.ts'
import { CLUSTER_METADATA_TOPIC } from '../../log/import/kafka-names.ts'
import type { LeftOut } from '../../log/import/left-out.ts'
import { LogError } from '../../model/errors.ts'
import { PARTITIONS_MAX } from '../../model/limits.ts'
import type { ClusterMetadata, ClusterTopic } from './cluster-metadata.ts'
import type { ImportedTopic } from './import-report.ts'
import { importedConfig } from './topic-config.ts'

/** A topic that is imported. */
export interface PlannedTopic extends ImportedTopic {
  /** By number; `undefined` where the directory lacks it. */
  readonly places: readonly (KafkaPartition | undefined)[]
  /** Its older segments may lie in tiered storage. */
  readonly isTiered: boolean
}

export interface PlanOptions {
  /** Only these topics; by default all. UNKNOWN_TOPIC_OR_PARTITION for one that the source lacks. */
  readonly topics?: ReadonlySet<string> | undefined
  /** 16 random bytes as text, for a topic whose id isn't recorded anywhere. */
  newTopicId(): string
}

/** The broker's own topics: what they say of topics, groups and transactions is imported, they aren't copied. */
const BROKERS_OWN: ReadonlyMap<string, string> = new Map([
  [CLUSTER_METADATA_TOPIC, 'topics and their configs are taken from it'],
  ['__consumer_offsets', 'committed offsets are taken from it; members and generations of groups are not'],
  ['__transaction_state', 'transactional ids are not taken over: each begins anew with its first producer here'],
  ['__share_group_state', 'share groups begin anew'],
])

/** Which topics are imported, with which ids and configs. The others are listed in `context.leftOut`. */
export function planTopics(
  context: ImportContext,
  directory: KafkaDirectory,
  cluster: ClusterMetadata | undefined,
  options: PlanOptions,
): readonly PlannedTopic[] {
  const byName = new Map<string, KafkaPartition[]>()
  for (const place of directory.partitions) byName.set(place.topic, [...(byName.get(place.topic) ?? []), place])
  assertThere(options.topics, byName)
  const planned: PlannedTopic[] = []
  for (const [name, places] of byName) {
    const own = BROKERS_OWN.get(name)
    if (own !== undefined) context.leftOut.push({ file: `${name}-*`, topic: name, why: own, isLoss: false })
    if (own !== undefined || options.topics?.has(name) === false) continue
    const topic = planTopic({ context, cluster, options }, name, places)
    if (topic !== undefined) planned.push(topic)
  }
  for (const { name } of cluster?.topics() ?? []) {
    if (byName.has(name) || options.topics?.has(name) === false) continue
    context.leftOut.push({ file: '', topic: name, why: 'no partition of it is in this directory', isLoss: true })
  }
  return planned
}

interface Planning {
  readonly context: ImportContext
  readonly cluster: ClusterMetadata | undefined
  readonly options: PlanOptions
}

/** `undefined` for a topic that is left out. */
function planTopic(
  { context, cluster, options }: Planning,
  name: string,
  places: readonly KafkaPartition[],
): PlannedTopic | undefined {
  const leave = ({ file, why, isLoss }: Pick<LeftOut, 'file' | 'why' | 'isLoss'>) =>
    context.leftOut.push({ file, topic: name, why, isLoss })
  if (name.startsWith('__')) {
    leave({ file: `${name}-*`, why: "names that start with __ are the log's own", isLoss: true })
    return undefined
  }
  const known = cluster?.topic(name)
  if (cluster !== undefined && known === undefined) {
    const why = "the cluster's metadata has no such topic: Kafka's start sets it aside"
    leave({ file: `${name}-*`, why, isLoss: false })
    return undefined
  }
  const topicId = topicIdOf(name, places, known, options)
  const own = places.filter((place) => (place.topicId ?? topicId) === topicId)
  for (const { directory } of places.filter((place) => !own.includes(place)))
    leave({ file: directory, why: 'it belongs to an earlier topic of this name', isLoss: false })
  const count = Math.max(known?.partitions ?? 0, ...own.map(({ partition }) => partition + 1))
  // Checked before anything is created for each: one damaged number could ask for billions.
  if (count > PARTITIONS_MAX) throw tooMany(name, count)
  const byNumber = Array.from({ length: count }, (_, number) => own.find(({ partition }) => partition === number))
  for (const [partition, place] of byNumber.entries()) {
    if (place !== undefined) continue
    if (!context.leaveOutDamaged) throw missing(name, partition)
    const why = 'it is not in the directory: an empty partition stands for it'
    leave({ file: partitionDirectory(name, partition), why, isLoss: true })
  }
  const { config, notTaken: configNotTaken } = importedConfig(known?.configs ?? new Map())
  const isTiered = known?.configs.get('remote.storage.enable') === 'true'
  return { topic: name, topicId, partitions: count, config, configNotTaken, places: byNumber, isTiered }
}

/** From the cluster's metadata, or else from the partitions' own files, which must agree then. */
function topicIdOf(
  topic: string,
  places: readonly KafkaPartition[],
  known: ClusterTopic | undefined,
  { newTopicId }: PlanOptions,
): string {
  const said = new Set(places.flatMap((place) => place.topicId ?? []))
  const [topicId = newTopicId(), another] = known === undefined ? said : [known.topicId]
  if (another !== undefined) {
    const message = `partitions of ${topic} name different topic ids: of an earlier topic of this name something is left; remove its directories from a copy of the source`
    throw new LogError('CORRUPT_LOG', message, { topic, file: places[0]?.directory, position: 0 })
  }
  if (isUserTopicId(topicId)) return topicId
  throw new LogError('CORRUPT_LOG', `the topic id ${topicId} of ${topic} is none that a topic can have`, { topic })
}

function tooMany(topic: string, partitions: number): LogError {
  const message = `topic "${topic}" has ${partitions} partitions, more than the ${PARTITIONS_MAX} that one can have here`
  return new LogError('INVALID_PARTITIONS', message, { topic, partitions })
}

function missing(topic: string, partition: number): LogError {
  const directory = partitionDirectory(topic, partition)
  const message = `${directory} is not in the directory: another broker, or another of its log directories, has it; --leave-out-damaged makes it empty, --topic names what to import`
  return new LogError('INVALID_REQUEST', message, { argument: 'source', topic, partition })
}

function assertThere(topics: ReadonlySet<string> | undefined, byName: ReadonlyMap<string, unknown>): void {
  const lacking = [...(topics ?? [])].find((name) => !byName.has(name))
  if (lacking === undefined) return
  const message = `the source has no topic "${lacking}"`
  throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', message, { topic: lacking })
}
