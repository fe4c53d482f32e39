import { damaged } from '../../log/catalogue/catalogue-codec.ts'
import type { TableRecord, TableRecordPlace } from '../../log/catalogue/table-record.ts'
import { BigEndianReader } from '../big-endian-reader.ts'
import { BigEndianWriter } from '../big-endian-writer.ts'
import { assertValueVersion } from '../value-version.ts'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './consumer-protocol.ts'
import type { GroupEntry, GroupStored, MemberMetadata } from './group-entry.ts'
import { decodeOffsetRecord } from './offset-record.ts'

/**
 * A group of the classic protocol, byte for byte Kafka's.
 *   key    int16 version = 2, string group
 *   value  int16 version = 3, string protocolType, int32 generation, nullable string protocol, nullable string leader,
 *          int64 currentStateTimestamp, array of {string memberId, nullable string groupInstanceId, string clientId,
 *          string clientHost, int32 rebalanceTimeout, int32 sessionTimeout, bytes subscription, bytes assignment}
 * Members live in the process that holds the log: they have no host, and no session apart from their polls.
 * Source: apache/kafka GroupMetadataKey.json, GroupMetadataValue.json (4.0).
 */
const KEY_VERSION = 2
const VALUE_VERSION = 3
const PROTOCOL_TYPE = 'consumer'
/** Four empty strings or nulls of 2 bytes, two int32, two blobs of 4. */
const MEMBER_BYTES_MIN = 24

export function encodeGroup(group: GroupStored): TableRecord {
  const { groupId, generation, stateTimestamp, assignor, leaderId, members } = group
  const value = new BigEndianWriter()
    .int16(VALUE_VERSION)
    .string(PROTOCOL_TYPE)
    .int32(generation)
    .string(assignor)
    .string(leaderId)
    .int64(stateTimestamp)
    .int32(members.length)
  for (const member of members) {
    value
      .string(member.memberId)
      .string(null)
      .string(member.clientId)
      .string('')
      .int32(member.maxPollIntervalMs)
      .int32(member.maxPollIntervalMs)
      .bytes(encodeSubscription(member.topics))
      .bytes(encodeAssignment(member.assignment))
  }
  return {
    key: keyOf(groupId),
    value: value.finish(),
    headers: [],
    timestamp: stateTimestamp,
  }
}

export function encodeGroupTombstone(groupId: string, now: number): TableRecord {
  return { key: keyOf(groupId), value: null, headers: [], timestamp: now }
}

function keyOf(groupId: string): Uint8Array {
  return new BigEndianWriter().int16(KEY_VERSION).string(groupId).finish()
}

/**
 * Any bytes give an entry, `undefined` for a kind of record that later versions of Kafka write (key versions above 2),
 * or a LogError.
 */
export function decodeGroupRecord(record: TableRecord, place: TableRecordPlace): GroupEntry | undefined {
  if (record.key === null) throw damaged(place, 'it has no key')
  const key = new BigEndianReader(record.key, place)
  const version = key.int16()
  if (version < 0) throw damaged(place, 'its key version is negative')
  if (version < KEY_VERSION) return decodeOffsetRecord(key, record, place)
  if (version > KEY_VERSION) return undefined
  const groupId = key.string()
  key.end()
  if (record.value === null) return { kind: 'group-removed', groupId }
  return decodeGroup(groupId, new BigEndianReader(record.value, place))
}

function decodeGroup(groupId: string, value: BigEndianReader): GroupStored {
  assertValueVersion('group', value.int16(), VALUE_VERSION, value.place)
  value.string()
  const generation = value.int32()
  const assignor = value.nullableString()
  const leaderId = value.nullableString()
  const stateTimestamp = value.int64('currentStateTimestamp')
  const members = value.array(MEMBER_BYTES_MIN, () => decodeMember(value))
  value.end()
  if (generation < 0) throw damaged(value.place, 'its generation is negative')
  return { kind: 'group-stored', groupId, generation, stateTimestamp, assignor, leaderId, members }
}

function decodeMember(value: BigEndianReader): MemberMetadata {
  const memberId = value.string()
  value.nullableString()
  const clientId = value.string()
  value.string()
  const maxPollIntervalMs = value.int32()
  value.int32()
  const topics = decodeSubscription(blobOf(value), value.place)
  const assignment = decodeAssignment(blobOf(value), value.place)
  return { memberId, clientId, topics, assignment, maxPollIntervalMs }
}

function blobOf(value: BigEndianReader): Uint8Array {
  const bytes = value.nullableBytes()
  if (bytes === null) throw damaged(value.place, 'a blob is missing')
  return bytes
}
