import { damaged } from '../../log/catalogue/catalogue-codec.ts'
import type { TableRecordPlace } from '../../log/catalogue/table-record.ts'
import type { TopicPartition } from '../../model/positions.ts'
import { BigEndianReader } from '../big-endian-reader.ts'
import { BigEndianWriter } from '../big-endian-writer.ts'

/**
 * The blobs inside a group's record that Kafka's tools show, both version 0:
 *   subscription  int16 version, string[] topics, nullable bytes userData
 *   assignment    int16 version, array of {string topic, int32[] partitions}, nullable bytes userData
 * A newer version is read by this prefix, as Kafka asks.
 * Source: apache/kafka ConsumerProtocolSubscription.json, ConsumerProtocolAssignment.json (4.0).
 */
const VERSION = 0

export function encodeSubscription(topics: readonly string[]): Uint8Array {
  const writer = new BigEndianWriter().int16(VERSION).int32(topics.length)
  for (const topic of topics) writer.string(topic)
  return writer.bytes(null).finish()
}

export function decodeSubscription(bytes: Uint8Array, place: TableRecordPlace): string[] {
  const reader = readerOf(bytes, place)
  const topics = reader.array(2, () => reader.string())
  return finish(reader, bytes, topics)
}

export function encodeAssignment(assignment: readonly TopicPartition[]): Uint8Array {
  const byTopic = new Map<string, number[]>()
  for (const { topic, partition } of assignment) {
    const partitions = byTopic.get(topic)
    if (partitions === undefined) byTopic.set(topic, [partition])
    else partitions.push(partition)
  }
  const writer = new BigEndianWriter().int16(VERSION).int32(byTopic.size)
  for (const [topic, partitions] of byTopic) {
    writer.string(topic).int32(partitions.length)
    for (const partition of partitions) writer.int32(partition)
  }
  return writer.bytes(null).finish()
}

export function decodeAssignment(bytes: Uint8Array, place: TableRecordPlace): TopicPartition[] {
  const reader = readerOf(bytes, place)
  const topics = reader.array(6, () => {
    const topic = reader.string()
    return reader.array(4, () => ({ topic, partition: reader.int32() }))
  })
  return finish(reader, bytes, topics.flat())
}

function readerOf(bytes: Uint8Array, place: TableRecordPlace): BigEndianReader {
  const reader = new BigEndianReader(bytes, place)
  if (reader.int16() < VERSION) throw damaged(place, 'its protocol version is negative')
  return reader
}

/** User data, and in version 0 nothing after it. */
function finish<T>(reader: BigEndianReader, bytes: Uint8Array, decoded: T): T {
  reader.nullableBytes()
  if (bytes[0] === 0 && bytes[1] === VERSION) reader.end()
  return decoded
}
