import { damaged } from '../../log/catalogue/catalogue-codec.ts'
import type { TableRecord, TableRecordPlace } from '../../log/catalogue/table-record.ts'
import { topicIdBytes, topicIdOf } from '../../log/catalogue/topic-ids.ts'
import { BigEndianReader } from '../big-endian-reader.ts'
import { BigEndianWriter } from '../big-endian-writer.ts'
import { assertValueVersion } from '../value-version.ts'
import { DELIVERY_STATES, type StateBatch, type StoredDeliveryState, WINDOW_OFFSETS } from './share-partition.ts'

/**
 * A snapshot of what a share group did with a partition, in the fields of Kafka's `__share_group_state`.
 *   key    int16 version = 0, string group, 16 bytes topic id, int32 partition
 *   value  int16 version = 0, int16 snapshotEpoch, int32 stateEpoch, int32 leaderEpoch, int64 startOffset,
 *          compact array of {int64 firstOffset, int64 lastOffset, int8 state, int16 deliveryCount, tags}, tags;
 *          null = the topic is gone
 * Kafka writes changes between snapshots as records of another key version; here each record is a snapshot.
 * Source: apache/kafka ShareSnapshotKey.json, ShareSnapshotValue.json, kafka.md 5.5.
 */
const KEY_VERSION = 0
const VALUE_VERSION = 0
const BATCH_BYTES = 20

export interface SharePlace {
  readonly groupId: string
  readonly topicId: string
  readonly partition: number
}

export interface ShareSnapshot extends SharePlace {
  /** `undefined` in a tombstone: nothing is known any more. */
  readonly state: { readonly startOffset: number; readonly batches: readonly StateBatch[] } | undefined
}

/** `key`: that of the place, where it is known. */
export function encodeShareSnapshot(
  { state, ...place }: ShareSnapshot,
  key: Uint8Array = encodeShareKey(place),
): TableRecord {
  return {
    key,
    value: state === undefined ? null : encodeState(state),
    headers: [],
    timestamp: undefined,
  }
}

export function encodeShareKey({ groupId, topicId, partition }: SharePlace): Uint8Array {
  const key = new BigEndianWriter().int16(KEY_VERSION).string(groupId)
  for (const byte of topicIdBytes(topicId)) key.int8(byte)
  return key.int32(partition).finish()
}

function encodeState({ startOffset, batches }: NonNullable<ShareSnapshot['state']>): Uint8Array {
  const value = new BigEndianWriter().int16(VALUE_VERSION).int16(0).int32(0).int32(0).int64(startOffset)
  value.varint(batches.length + 1)
  for (const { firstOffset, lastOffset, state, deliveryCount } of batches) {
    value.int64(firstOffset).int64(lastOffset).int8(DELIVERY_STATES[state]).int16(deliveryCount).varint(0)
  }
  return value.varint(0).finish()
}

/** Any bytes give a snapshot, `undefined` for a kind of record that isn't one, or a LogError. */
export function decodeShareRecord(record: TableRecord, place: TableRecordPlace): ShareSnapshot | undefined {
  if (record.key === null) throw damaged(place, 'it has no key')
  const key = new BigEndianReader(record.key, place)
  const version = key.int16()
  if (version < 0) throw damaged(place, 'its key version is negative')
  if (version > KEY_VERSION) return undefined
  const groupId = key.string()
  const topicId = topicIdOf(Uint8Array.from({ length: 16 }, () => key.int8()))
  const partition = key.int32()
  key.end()
  if (partition < 0) throw damaged(place, 'its partition is negative')
  const state = record.value === null ? undefined : decodeState(new BigEndianReader(record.value, place))
  return { groupId, topicId, partition, state }
}

function decodeState(value: BigEndianReader): NonNullable<ShareSnapshot['state']> {
  const { place } = value
  assertValueVersion('share group state', value.int16(), VALUE_VERSION, place)
  value.int16()
  value.int32()
  value.int32()
  const startOffset = value.int64('startOffset')
  let nextOffset = startOffset
  const batches = value.items(value.varint() - 1, BATCH_BYTES, (): StateBatch => {
    const batch = decodeBatch(value)
    if (batch.firstOffset !== nextOffset || batch.lastOffset < batch.firstOffset) throw damaged(place, 'a hole in it')
    nextOffset = batch.lastOffset + 1
    return batch
  })
  value.varint()
  value.end()
  if (startOffset < 0) throw damaged(place, 'its offset is negative')
  if (nextOffset - startOffset > WINDOW_OFFSETS) throw damaged(place, 'it spans too many offsets')
  return { startOffset, batches }
}

function decodeBatch(value: BigEndianReader): StateBatch {
  const firstOffset = value.int64('firstOffset')
  const lastOffset = value.int64('lastOffset')
  const number = value.int8()
  const deliveryCount = value.int16()
  value.varint()
  const [state] = Object.entries(DELIVERY_STATES).find(([, each]) => each === number) ?? []
  if (state === undefined) throw damaged(value.place, 'an unknown delivery state')
  return { firstOffset, lastOffset, state: state as StoredDeliveryState, deliveryCount }
}
