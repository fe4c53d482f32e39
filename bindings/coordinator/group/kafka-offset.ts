import { damaged } from '../../log/catalogue/catalogue-codec.ts'
import { describePlace, type TableRecord, type TableRecordPlace } from '../../log/catalogue/table-record.ts'
import { topicIdOf } from '../../log/catalogue/topic-ids.ts'
import { LogError } from '../../model/errors.ts'
import { BigEndianReader } from '../big-endian-reader.ts'

/** A group's offset as a Kafka broker wrote it: by topic name, not by topic id. */
export interface KafkaOffsetPlace {
  readonly groupId: string
  readonly topic: string
  readonly partition: number
}

export interface KafkaOffset {
  readonly nextOffset: number
  /** -1 if not known. */
  readonly leaderEpoch: number
  readonly metadata: string
  /** Milliseconds since 1970. */
  readonly commitTimestamp: number
  /** The topic's id, where the broker was new enough to write it. */
  readonly topicId: string | undefined
}

/** `offset` is `undefined` in a tombstone: the committed offset was removed. */
export interface KafkaOffsetRecord extends KafkaOffsetPlace {
  readonly offset: KafkaOffset | undefined
}

const KEY_VERSIONS = [0, 1]
const VALUE_VERSION_MAX = 4
/** From this version on a leader epoch follows the offset. */
const WITH_EPOCH = 3
/** Only this version has the time of its expiration at the end. */
const WITH_EXPIRY = 1
const FLEXIBLE = 4
const TOPIC_ID_TAG = 0
const TOPIC_ID_BYTES = 16

/**
 * Reads a record of a broker's `__consumer_offsets` in any version that Kafka wrote (kafka.md 5.4); `undefined` for a
 * record that is no offset but a group with its members.
 */
export function decodeKafkaOffset(record: TableRecord, place: TableRecordPlace): KafkaOffsetRecord | undefined {
  if (record.key === null) throw damaged(place, 'it has no key')
  const key = new BigEndianReader(record.key, place)
  if (!KEY_VERSIONS.includes(key.int16())) return undefined
  const at = { groupId: key.string(), topic: key.string(), partition: key.int32() }
  key.end()
  const offset = record.value === null ? undefined : decodeValue(new BigEndianReader(record.value, place))
  return { ...at, offset }
}

function decodeValue(value: BigEndianReader): KafkaOffset {
  const { place } = value
  const version = value.int16()
  if (version < 0 || version > VALUE_VERSION_MAX) {
    const message = `the offset commit in ${describePlace(place)} has version ${version}, this oncelog reads up to ${VALUE_VERSION_MAX}`
    throw new LogError('UNSUPPORTED_FOR_MESSAGE_FORMAT', message, { ...place, version })
  }
  const nextOffset = value.int64('offset')
  const leaderEpoch = version < WITH_EPOCH ? -1 : value.int32()
  const metadata = version < FLEXIBLE ? value.string() : value.compactString()
  const commitTimestamp = value.int64('commitTimestamp')
  if (version === WITH_EXPIRY) value.int64('expireTimestamp')
  const topicId = version < FLEXIBLE ? undefined : readTopicId(value)
  value.end()
  return { nextOffset, leaderEpoch, metadata, commitTimestamp, topicId }
}

/** Tags of later versions are passed over. */
function readTopicId(value: BigEndianReader): string | undefined {
  let topicId: string | undefined
  for (let left = value.varint(); left > 0; left--) {
    const tag = value.varint()
    const sizeBytes = value.varint()
    const bytes = value.raw(sizeBytes)
    if (tag === TOPIC_ID_TAG && sizeBytes === TOPIC_ID_BYTES) topicId = topicIdOf(bytes)
  }
  return topicId
}
