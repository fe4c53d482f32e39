import type { CommittedOffset } from '../../coordinator/group/group-entry.ts'
import { encodeOffsetCommit } from '../../coordinator/group/offset-record.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import { Catalogue } from '../../log/catalogue/catalogue.ts'
import type { TableRecord } from '../../log/catalogue/table-record.ts'
import { CATALOGUE_TOPIC, INTERNAL_TOPIC_IDS, OFFSETS_TOPIC } from '../../log/catalogue/topic-ids.ts'
import type { NewLog } from '../../log/new-log/new-log.ts'
import { encodeBatch } from '../../log/partition/encode.ts'
import { parseTopicConfig } from '../../model/topic-config.ts'
import type { Task } from '../../storage/effect.ts'
import { scanned } from './import-partition.ts'
import type { ImportedPartition, ImportedTopic } from './import-report.ts'

const RECORDS_AT_ONCE = 500
const NO_PRODUCER = { partitionLeaderEpoch: 0, producerId: -1, producerEpoch: -1, baseSequence: -1, attributes: 0 }

/** Where the tables are written. */
interface TablesTarget {
  readonly log: NewLog
  readonly kernel: Kernel
  /** Milliseconds since 1970. */
  readonly now: number
}

/** What the tables are to say. */
interface Imported {
  readonly topics: readonly ImportedTopic[]
  readonly partitions: readonly ImportedPartition[]
  readonly commits: readonly CommittedOffset[]
}

/** Writes the catalogue, which turns directories into topics, and the groups' offsets. */
export function* writeTables(target: TablesTarget, { topics, partitions, commits }: Imported): Task<void> {
  yield* writeTable(target, CATALOGUE_TOPIC, catalogueOf(topics, partitions))
  if (commits.length > 0) yield* writeTable(target, OFFSETS_TOPIC, commits.map(encodeOffsetCommit))
}

function catalogueOf(topics: readonly ImportedTopic[], partitions: readonly ImportedPartition[]): TableRecord[] {
  const catalogue = new Catalogue()
  const idOf = new Map(topics.map(({ topic, topicId }) => [topic, topicId]))
  return [
    ...topics.flatMap(({ topic, topicId, partitions: count, config }) =>
      catalogue.planCreate(topicId, topic, count, config),
    ),
    ...partitions.flatMap(({ topic, partition, logStartOffset }) =>
      catalogue.planMoveLogStart(idOf.get(topic) ?? '', partition, logStartOffset),
    ),
  ]
}

function* writeTable({ log, kernel, now }: TablesTarget, topic: string, records: readonly TableRecord[]): Task<void> {
  const id = { topicId: INTERNAL_TOPIC_IDS[topic] ?? '', topic, partition: 0 }
  const partition = yield* log.partition(id, parseTopicConfig({}))
  for (let baseOffset = 0; baseOffset < records.length; baseOffset += RECORDS_AT_ONCE) {
    const some = records.slice(baseOffset, baseOffset + RECORDS_AT_ONCE)
    yield* partition.append(scanned({ kernel }, encodeBatch(kernel, some, { ...NO_PRODUCER, baseOffset }, now)))
  }
  yield* log.endPartition(partition, { logStartOffset: 0, nextOffset: records.length, cleanedOffset: 0, producers: [] })
}
