import { damaged } from '../../log/catalogue/catalogue-codec.ts'
import { describePlace, type TableRecord, type TableRecordPlace } from '../../log/catalogue/table-record.ts'
import { LogError } from '../../model/errors.ts'
import type { TopicPartition } from '../../model/positions.ts'
import { BigEndianReader } from '../big-endian-reader.ts'
import { BigEndianWriter } from '../big-endian-writer.ts'
import type { TransactionEntry, TransactionStored } from './transaction-entry.ts'
import { TRANSACTION_STATES } from './transaction-state.ts'

/**
 * A record of `__transaction_state`, byte for byte Kafka's.
 *   key    int16 version = 0, string transactionalId
 *   value  int16 version = 1, int64 producerId, int16 producerEpoch, int32 timeoutMs, int8 status,
 *          compact nullable array of {compact string topic, compact array of int32 partitions, tags},
 *          int64 lastUpdateMs, int64 startMs, tags: 0 previousProducerId int64 (-1), 1 nextProducerId int64 (-1),
 *          2 clientTransactionVersion int16 (0); null = the id expired
 *   Version 0 is read alike: the older field types, no tags.
 * Source: apache/kafka TransactionLogKey.json, TransactionLogValue.json (4.0), kafka.md 4.1.
 */
const KEY_VERSION = 0
const VALUE_VERSION = 1
const PREVIOUS_PRODUCER_ID = 0
const CLIENT_TRANSACTION_VERSION = 2
/** KIP-890: the epoch goes up with every transaction. */
const TRANSACTION_VERSION = 2

export function encodeTransaction(entry: TransactionStored): TableRecord {
  const { producerId, producerEpoch, timeoutMs, state, lastUpdateMs, startMs, previousProducerId } = entry
  const writer = new BigEndianWriter()
    .int16(VALUE_VERSION)
    .int64(producerId)
    .int16(producerEpoch)
    .int32(timeoutMs)
    .int8(TRANSACTION_STATES.indexOf(state))
  if (state === 'Empty') writer.varint(0)
  else writePartitions(writer, entry.partitions)
  writer.int64(lastUpdateMs).int64(startMs)
  writer.varint(previousProducerId < 0 ? 1 : 2)
  if (previousProducerId >= 0) writer.varint(PREVIOUS_PRODUCER_ID).varint(8).int64(previousProducerId)
  writer.varint(CLIENT_TRANSACTION_VERSION).varint(2).int16(TRANSACTION_VERSION)
  // To be made before the key's writer begins, which takes the memory over.
  const value = writer.finish()
  return { key: encodeKey(entry.transactionalId), value, headers: [], timestamp: lastUpdateMs }
}

/** The id expired. */
export function encodeTransactionTombstone(transactionalId: string, now: number): TableRecord {
  return { key: encodeKey(transactionalId), value: null, headers: [], timestamp: now }
}

function encodeKey(transactionalId: string): Uint8Array {
  return new BigEndianWriter().int16(KEY_VERSION).string(transactionalId).finish()
}

function writePartitions(value: BigEndianWriter, partitions: readonly TopicPartition[]): void {
  const byTopic = new Map<string, number[]>()
  for (const { topic, partition } of partitions) {
    const numbers = byTopic.get(topic)
    if (numbers === undefined) byTopic.set(topic, [partition])
    else numbers.push(partition)
  }
  value.varint(byTopic.size + 1)
  for (const [topic, numbers] of byTopic) {
    value.compactString(topic).varint(numbers.length + 1)
    for (const number of numbers) value.int32(number)
    value.varint(0)
  }
}

/** Any bytes give an entry, `undefined` for a kind of record that later versions of Kafka write, or a LogError. */
export function decodeTransactionRecord(record: TableRecord, place: TableRecordPlace): TransactionEntry | undefined {
  if (record.key === null) throw damaged(place, 'it has no key')
  const key = new BigEndianReader(record.key, place)
  const version = key.int16()
  if (version < 0) throw damaged(place, 'its key version is negative')
  if (version > KEY_VERSION) return undefined
  const transactionalId = key.string()
  key.end()
  if (record.value === null) return { kind: 'transaction-removed', transactionalId }
  return decodeValue(transactionalId, new BigEndianReader(record.value, place))
}

function decodeValue(transactionalId: string, value: BigEndianReader): TransactionStored {
  const { place } = value
  const version = value.int16()
  if (version < 0) throw damaged(place, 'its value version is negative')
  if (version > VALUE_VERSION) {
    const message = `the transaction in ${describePlace(place)} has version ${version}, this oncelog reads up to ${VALUE_VERSION}`
    throw new LogError('UNSUPPORTED_VERSION', message, { ...place, version })
  }
  const producerId = value.int64('producerId')
  const producerEpoch = value.int16()
  const timeoutMs = value.int32()
  const state = TRANSACTION_STATES[value.int8()]
  if (state === undefined) throw damaged(place, 'its status is unknown')
  const partitions = version === 0 ? readPartitions(value) : readCompactPartitions(value)
  const lastUpdateMs = value.int64('lastUpdateMs')
  const startMs = value.int64('startMs')
  const previousProducerId = version === 0 ? -1 : readTags(value)
  value.end()
  if (producerId < 0 || producerEpoch < 0 || previousProducerId < -1) throw damaged(place, 'its producer is negative')
  return {
    kind: 'transaction-stored',
    transactionalId,
    producerId,
    producerEpoch,
    timeoutMs,
    state,
    partitions,
    lastUpdateMs,
    startMs,
    previousProducerId,
  }
}

/** A topic takes at least its length of 2 bytes and its count of 4. */
function readPartitions(value: BigEndianReader): TopicPartition[] {
  const count = value.int32()
  if (count === -1) return []
  return value
    .items(count, 6, () => {
      const topic = value.string()
      return value.array(4, () => ({ topic, partition: value.int32() }))
    })
    .flat()
}

/** A topic takes at least two lengths and its tags. */
function readCompactPartitions(value: BigEndianReader): TopicPartition[] {
  const lengthPlusOne = value.varint()
  if (lengthPlusOne === 0) return []
  return value
    .items(lengthPlusOne - 1, 3, () => {
      const topic = value.compactString()
      const partitions = value.items(value.varint() - 1, 4, () => ({ topic, partition: value.int32() }))
      skipTags(value, value.varint())
      return partitions
    })
    .flat()
}

/** Returns the one tag that matters here; tags of later versions are passed over. */
function readTags(value: BigEndianReader): number {
  const count = value.varint()
  let previousProducerId = -1
  for (let tag = 0; tag < count; tag++) {
    const number = value.varint()
    const sizeBytes = value.varint()
    if (number === PREVIOUS_PRODUCER_ID && sizeBytes === 8) previousProducerId = value.int64('previousProducerId')
    else value.skip(sizeBytes)
  }
  return previousProducerId
}

function skipTags(value: BigEndianReader, count: number): void {
  for (let tag = 0; tag < count; tag++) {
    value.varint()
    value.skip(value.varint())
  }
}
