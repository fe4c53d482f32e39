import { LogError } from '../../model/errors.ts'
import type { CommittedOffset } from './group-entry.ts'

export interface CommitRequest {
  readonly groupId: string
  readonly memberId: string
  readonly generation: number
  readonly offsets: readonly OffsetToCommit[]
  readonly now: number
}

/** By topic id: an offset never reaches a later topic of the same name (durability rule 7). */
export interface OffsetToCommit {
  /**
   * The id that the topic had when the member was assigned the partition. The name could mean another topic by now,
   * after a delete and a create.
   */
  readonly topicId: string
  /** The topic's name as the caller knows it: once the topic is gone nobody else may know it. */
  readonly topic?: string | undefined
  readonly partition: number
  readonly nextOffset: number
  /** -1 (not known) by default: only Kafka's clients give leader epoch and metadata with a commit. */
  readonly leaderEpoch?: number | undefined
  readonly metadata?: string | undefined
}

/** The live topic of an id. */
export type TopicLookup = (topicId: string) => { readonly name: string; readonly partitions: number } | undefined

/** Kafka's offset.metadata.max.bytes. */
const METADATA_BYTES_MAX = 4096

const encoder = new TextEncoder()

/** Throws for the first offset that can't be committed. As in Kafka, an offset beyond the log's end can be. */
export function checkedOffsets(
  request: Pick<CommitRequest, 'groupId' | 'offsets' | 'now'>,
  topicOf: TopicLookup,
): readonly CommittedOffset[] {
  const { groupId, now } = request
  return request.offsets.map((offset) => {
    const { topicId, partition, nextOffset, leaderEpoch = -1, metadata = '' } = offset
    const topic = topicOf(topicId)
    if (topic === undefined) throw goneTopic(groupId, offset)
    const place = { groupId, topic: topic.name, partition }
    if (!isInRange(partition, 0, topic.partitions - 1)) {
      throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `topic "${topic.name}" has no partition ${partition}`, place)
    }
    if (!isInRange(nextOffset, 0, Number.MAX_SAFE_INTEGER)) {
      throw new LogError('INVALID_REQUEST', `${nextOffset} is no offset of ${topic.name}-${partition}`, place)
    }
    if (!isInRange(leaderEpoch, -1, 0x7fffffff)) {
      throw new LogError('INVALID_REQUEST', `${leaderEpoch} is no leader epoch of ${topic.name}-${partition}`, place)
    }
    const metadataBytes = metadata === '' ? 0 : encoder.encode(metadata).length
    if (metadataBytes > METADATA_BYTES_MAX) {
      const message = `${metadataBytes} bytes of metadata for ${topic.name}-${partition} are more than ${METADATA_BYTES_MAX}`
      throw new LogError('OFFSET_METADATA_TOO_LARGE', message, place)
    }
    return { groupId, topicId, topic: topic.name, partition, nextOffset, leaderEpoch, metadata, commitTimestamp: now }
  })
}

/** UNKNOWN_TOPIC_ID. */
export function goneTopic(
  groupId: string,
  { topic, topicId, partition }: Pick<OffsetToCommit, 'topic' | 'topicId' | 'partition'>,
): LogError {
  const named = topic === undefined ? 'the topic' : `topic "${topic}"`
  const message = `${named} with id ${topicId} is gone: one that has its name now is another`
  return new LogError('UNKNOWN_TOPIC_ID', message, { groupId, topic, topicId, partition })
}

function isInRange(value: number, from: number, to: number): boolean {
  return Number.isSafeInteger(value) && value >= from && value <= to
}
