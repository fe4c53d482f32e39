import { perform, type Task } from '../../storage/effect.ts'
import type { Damage } from '../../storage/recovery-report.ts'
import { Catalogue } from '../catalogue/catalogue.ts'
import { CATALOGUE_TOPIC, INTERNAL_TOPIC_IDS, isInternalTopic } from '../catalogue/topic-ids.ts'
import type { CatalogueTopic } from '../catalogue/topic-table.ts'
import type { CheckpointPartition, CheckpointRecord } from '../checkpoint/checkpoint-record.ts'
import { parsePartitionDirectory } from '../files/file-names.ts'
import { directoryTopicId, partitionNames } from '../files/partition-directory.ts'
import { partitionKey } from '../files/partition-key.ts'
import type { NewestHeader } from '../journal/header.ts'
import { ringFileDamage } from '../journal/ring.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import { furtherBatch, laterSegment, type NewerBatches } from '../survey/newer-batches.ts'
import { readCatalogue } from './catalogue-reader.ts'
import { missingSegments } from './missing-segments.ts'
import { aboveStart, filesOf, storedOf } from './noted-partition.ts'
import type { Recovered } from './recovered.ts'
import type { RecoveryInput } from './recovery-input.ts'
import { SetAside } from './set-aside.ts'

const NOTHING_STORED = { logStartOffset: 0, nextOffset: 0, ceiling: 0, producers: [], maxTimestamp: -1 }

/** What a log that was closed has left beside its segments. */
interface CleanEnd extends NewestHeader {
  readonly checkpoint: CheckpointRecord
  readonly nextCheckpointPlace: number
}

/**
 * After a clean close the checkpoint says it all: only the names in each partition's directory are looked at before the
 * partition is used (docs/decisions/029-names-at-a-clean-open.md). As long as this header is the newest one, the first
 * file of the ring holds nothing that counts: it is made anew if need be, and that is reported (decision 010).
 */
export function* openClean(
  input: RecoveryInput,
  { header, isNewest, checkpoint, nextCheckpointPlace }: CleanEnd,
): Task<Recovered> {
  const noted = new Map(checkpoint.partitions.map((each) => [partitionKey(each.topicId, each.partition), each]))
  const topics = yield* readNotedCatalogue(input, noted)
  const partitions: Recovered['partitions'][number][] = []
  const ring = isNewest ? yield* ringFileDamage(input.store, 0, header.ringFileBytes) : undefined
  const damage: Damage[] = ring === undefined ? [] : [ring]
  for (const record of checkpoint.partitions) {
    const id = identity(topics, record)
    if (id === undefined) continue
    const each = aboveStart(record, topics.get(record.topicId))
    const files = filesOf(input, id, each)
    files.hasChanged = false
    if (!files.readOnly) yield* compareNames(input, files, damage)
    partitions.push({ files, stored: storedOf(id, each, files) })
  }
  partitions.push(...(yield* newerPartitions(input, topics, noted, damage)))
  return {
    clean: true,
    needsRing: !isNewest,
    header,
    checkpointSequence: checkpoint.sequence,
    nextCheckpointPlace,
    coveredSequence: checkpoint.coveredSequence,
    producerIdsEnd: checkpoint.producerIdsEnd,
    partitions,
    noted,
    replayedFrames: 0,
    skippedBatches: 0,
    setAside: new SetAside(input.store, header.leaderEpoch),
    damage,
    readOnly: false,
  }
}

/**
 * Neither missing nor newer files are noted in a checkpoint: the next open looks again, and finds files that were
 * restored.
 */
function* compareNames(input: RecoveryInput, files: StoredFiles, damage: Damage[]): Task<void> {
  const { directory, id } = files
  const names = yield* partitionNames(input.store, directory)
  const newer = names && (yield* newerBatches(input, files, names))
  for (const each of [...missingSegments(files, names), ...(newer === undefined ? [] : [newer])]) {
    damage.push({ ...each, topic: id.topic, partition: id.partition })
    files.damaged(each)
  }
}

/**
 * Every open reads the log's own topics, so their last segments are looked at here; those of other topics at the first
 * append.
 */
function* newerBatches(
  { segments: context }: RecoveryInput,
  { id, directory, segments: { active } }: StoredFiles,
  names: readonly string[],
): Task<NewerBatches | undefined> {
  const later = yield* laterSegment(context, directory, active, names)
  if (later !== undefined || !isInternalTopic(id.topic)) return later
  return yield* furtherBatch(context, directory, active)
}

/**
 * Partitions with batches that the checkpoint doesn't note: they were begun after the close that wrote it. The first
 * append would have them set aside as foreign, and begin anew at offset 0.
 */
function* newerPartitions(
  input: RecoveryInput,
  topics: ReadonlyMap<string, CatalogueTopic>,
  noted: ReadonlyMap<string, CheckpointPartition>,
  damage: Damage[],
): Task<Recovered['partitions']> {
  const { store } = input
  const byName = new Map([...topics.values()].map(({ name, topicId }) => [name, topicId]))
  const found: Recovered['partitions'][number][] = []
  for (const directory of yield* perform('list', '', () => store.list(''))) {
    const place = parsePartitionDirectory(directory)
    const topicId = place && (INTERNAL_TOPIC_IDS[place.topic] ?? byName.get(place.topic))
    if (place === undefined || topicId === undefined || noted.has(partitionKey(topicId, place.partition))) continue
    if ((yield* directoryTopicId(store, directory)) !== topicId) continue
    const names = yield* perform('list', directory, () => store.list(directory))
    const newer = yield* laterSegment(input.segments, directory, undefined, names)
    if (newer === undefined) continue
    const id = { topicId, ...place }
    const files = filesOf(input, id, undefined)
    files.hasChanged = false
    files.damaged(newer)
    damage.push({ ...newer, ...place })
    found.push({ files, stored: { ...NOTHING_STORED, id, readOnly: true, damage: files.damageReport } })
  }
  return found
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
    yield* readCatalogue(input, files, catalogue, Number.POSITIVE_INFINITY)
  }
  return new Map(catalogue.durable.live().map((topic) => [topic.topicId, topic]))
}

function identity(topics: ReadonlyMap<string, CatalogueTopic>, noted: { topicId: string; partition: number }) {
  const internal = Object.entries(INTERNAL_TOPIC_IDS).find(([, id]) => id === noted.topicId)
  const name = internal?.[0] ?? topics.get(noted.topicId)?.name
  return name === undefined ? undefined : { topicId: noted.topicId, topic: name, partition: noted.partition }
}
