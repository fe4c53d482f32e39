import type { Groups } from '../coordinator/group/groups.ts'
import type { ShareGroups } from '../coordinator/share/share-groups.ts'
import type { Transactions } from '../coordinator/transaction/transactions.ts'
import type { Catalogue } from '../log/catalogue/catalogue.ts'
import { applyBatch, locatedError, type TableRecord, type TableRecordPlace } from '../log/catalogue/table-record.ts'
import { INTERNAL_TOPIC_IDS } from '../log/catalogue/topic-ids.ts'
import type { Task } from '../storage/effect.ts'
import type { PartitionStore } from '../storage/partition-store.ts'
import type { StoredState } from '../storage/stored-state.ts'
import type { HostedPartition } from './hosted-partition.ts'
import type { Topics } from './topics.ts'

const READ_BYTES = 256 * 1024
const OWN_IDS: ReadonlySet<string> = new Set(Object.values(INTERNAL_TOPIC_IDS))

export interface ReplayParts {
  readonly catalogue: Catalogue
  readonly groups: Groups
  readonly transactions: Transactions
  readonly shares: ShareGroups
  readonly topics: Topics
  readonly store: PartitionStore
}

/** Tombstones for what groups still have of deleted topics. */
export interface LeftOfTopics {
  readonly offsets: readonly TableRecord[]
  readonly shares: readonly TableRecord[]
}

/**
 * Reads the log's own topics from their start: first the catalogue, which says which topics the offsets may be of.
 * Returns the tombstones that a crash prevented after the delete of their topic
 * (docs/decisions/028-offsets-end-with-their-topic.md).
 */
export function* replayTables(engine: ReplayParts, state: StoredState): Task<LeftOfTopics> {
  const { topics, catalogue, groups, shares, transactions } = engine
  yield* replayPartition(engine, topics.table('catalogue'), (record, place) => catalogue.apply(record, place))
  catalogue.assertWhole()
  yield* replayPartition(engine, topics.table('offsets'), (record, place) => groups.apply(record, place))
  yield* replayPartition(engine, topics.table('shares'), (record, place) => shares.apply(record, place))
  yield* replayPartition(engine, topics.table('transactions'), (record, place) => transactions.apply(record, place))
  engine.groups.dropMembers()
  topics.takeLogStarts()
  yield* removeDead(engine, state)
  for (const { topicId } of catalogue.durable.dead()) catalogue.forget(topicId)
  // The catalogue doesn't have the log's own topics, which share groups may read.
  const isGone = (topicId: string) => !OWN_IDS.has(topicId) && catalogue.durable.liveById(topicId) === undefined
  return { offsets: groups.planLeftovers(isGone), shares: shares.planLeftovers(isGone) }
}

/**
 * Removes partitions of deleted topics that a crash left. A store over files asks the catalogue itself and reports
 * none. In a damaged log nothing is removed.
 */
function* removeDead({ catalogue, store }: ReplayParts, { partitions, report }: StoredState): Task<void> {
  if (report.damage.length > 0) return
  for (const { id } of partitions) {
    if (!OWN_IDS.has(id.topicId) && catalogue.durable.liveById(id.topicId) === undefined) yield* store.remove(id)
  }
}

function* replayPartition(
  engine: ReplayParts,
  hosted: HostedPartition,
  apply: (record: TableRecord, place: TableRecordPlace) => void,
): Task<void> {
  if (!hosted.exists) return
  const { nextOffset, logStartOffset } = hosted.partition.watermarks
  let offset = logStartOffset
  while (offset < nextOffset) {
    const read = hosted.partition.read(offset, nextOffset, READ_BYTES)
    if (read.missing !== undefined && read.batches.length === 0) {
      yield* engine.store.prepareRead(hosted.id, offset)
      continue
    }
    if (read.nextOffset === offset) break
    for (const batch of read.batches) {
      try {
        applyBatch(batch, hosted.id, apply)
      } catch (error) {
        throw locatedError(error, engine.store.locate(hosted.id, batch.offsetOf(0)))
      }
    }
    offset = read.nextOffset
  }
}
