import { damaged } from '../../log/catalogue/catalogue-codec.ts'
import type { TableRecord, TableRecordPlace } from '../../log/catalogue/table-record.ts'
import { INTERNAL_TOPICS, isUserTopicId } from '../../log/catalogue/topic-ids.ts'
import { BigEndianReader } from '../big-endian-reader.ts'
import { BigEndianWriter } from '../big-endian-writer.ts'
import { assertValueVersion } from '../value-version.ts'
import type { CommittedOffset, GroupEntry, OffsetPlace } from './group-entry.ts'

/**
 * An offset commit, byte for byte Kafka's, and a header of ours.
 *   key    int16 version = 1 (0 is read alike), string group, string topic, int32 partition
 *   value  int16 version = 3, int64 offset, int32 leaderEpoch, string metadata, int64 commitTimestamp; null = removed
 *   header `topicId`: 22 ASCII characters; Kafka's readers of this topic look at key and value alone
 * Source: apache/kafka OffsetCommitKey.json, OffsetCommitValue.json (4.0).
 */
const KEY_VERSION = 1
const VALUE_VERSION = 3
const TOPIC_ID_HEADER = 'topicId'

export function encodeOffsetCommit(offset: CommittedOffset): TableRecord {
  const value = new BigEndianWriter()
    .int16(VALUE_VERSION)
    .int64(offset.nextOffset)
    .int32(offset.leaderEpoch)
    .string(offset.metadata)
    .int64(offset.commitTimestamp)
    .finish()
  return { key: keyOf(offset), value, headers: headersOf(offset), timestamp: offset.commitTimestamp }
}

export function encodeOffsetTombstone(place: OffsetPlace): TableRecord {
  return { key: keyOf(place), value: null, headers: headersOf(place), timestamp: undefined }
}

/** `key` stands after the version, which said that this is an offset. */
export function decodeOffsetRecord(key: BigEndianReader, record: TableRecord, place: TableRecordPlace): GroupEntry {
  const groupId = key.string()
  const topic = key.string()
  const partition = key.int32()
  key.end()
  if (partition < 0) throw damaged(place, 'its partition is negative')
  const at = { groupId, topicId: topicIdOf(record, place), topic, partition }
  if (record.value === null) return { kind: 'offset-removed', ...at }
  const value = new BigEndianReader(record.value, place)
  assertValueVersion('offset commit', value.int16(), VALUE_VERSION, place)
  const nextOffset = value.int64('offset')
  const leaderEpoch = value.int32()
  const metadata = value.string()
  const commitTimestamp = value.int64('commitTimestamp')
  value.end()
  if (nextOffset < 0) throw damaged(place, 'its offset is negative')
  return { kind: 'offset-committed', offset: { ...at, nextOffset, leaderEpoch, metadata, commitTimestamp } }
}

function keyOf({ groupId, topic, partition }: OffsetPlace): Uint8Array {
  return new BigEndianWriter().int16(KEY_VERSION).string(groupId).string(topic).int32(partition).finish()
}

function headersOf({ topicId }: OffsetPlace): TableRecord['headers'] {
  return [[TOPIC_ID_HEADER, new BigEndianWriter().text(topicId).finish()]]
}

function topicIdOf(record: TableRecord, place: TableRecordPlace): string {
  const value = record.headers.find(([name]) => name === TOPIC_ID_HEADER)?.[1]
  const topicId = value ? String.fromCharCode(...value.subarray(0, 23)) : undefined
  if (topicId !== undefined && (isUserTopicId(topicId) || INTERNAL_TOPICS.has(topicId))) return topicId
  throw damaged(place, 'an offset without the id of its topic')
}
