import { BigEndianWriter } from '../../bindings/coordinator/big-endian-writer.ts'
import { nodeCodecs } from '../../bindings/entry/embedded/node-codecs.ts'
import { createKernel } from '../../bindings/kernel/create-kernel.ts'
import type { Kernel } from '../../bindings/kernel/kernel.ts'
import { loadKernelModule } from '../../bindings/kernel/load-kernel.ts'
import { topicIdBytes } from '../../bindings/log/catalogue/topic-ids.ts'
import { segmentFileName } from '../../bindings/log/files/file-names.ts'
import { formatPartitionMetadata } from '../../bindings/log/files/partition-metadata.ts'
import { encodeBatch } from '../../bindings/log/partition/encode.ts'
import { encodeMarker } from '../../bindings/log/partition/marker.ts'
import { type CompressionType, compressionId } from '../../bindings/model/compression.ts'
import type { HeaderList } from '../../bindings/model/records.ts'
import { VirtualDisk } from '../../bindings/testkit/simulation/virtual-disk.ts'
import { joined } from '../joined.ts'

export const kernel: Kernel = createKernel(loadKernelModule(), { capBytes: 64 << 20, codecs: nodeCodecs })
export const TIME = 1_700_000_000_000

export interface BatchWish {
  readonly values: readonly (string | Uint8Array | null)[]
  readonly keys?: readonly (string | Uint8Array | null)[]
  readonly headers?: HeaderList
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly isTransactional?: boolean
  readonly leaderEpoch?: number
  readonly compression?: CompressionType
}

const NO_PRODUCER = { producerId: -1, producerEpoch: -1, baseSequence: -1 }

/** A batch as a broker stores it. */
export function batch(baseOffset: number, wish: BatchWish): Uint8Array {
  const { values, keys, headers, producerId, producerEpoch = 0, isTransactional, leaderEpoch = 0 } = wish
  const records = values.map((value, index) => {
    return { key: keys?.[index] ?? null, value, timestamp: TIME + baseOffset + index, headers }
  })
  const producer = producerId === undefined ? NO_PRODUCER : { producerId, producerEpoch, baseSequence: 0 }
  const attributes = isTransactional === true ? 0x10 : 0
  const plain = encodeBatch(
    kernel,
    records,
    { baseOffset, partitionLeaderEpoch: leaderEpoch, ...producer, attributes },
    0,
  )
  return wish.compression === undefined ? plain : compressed(plain, wish.compression)
}

function compressed(plain: Uint8Array, type: CompressionType): Uint8Array {
  const records = nodeCodecs[type]?.compress(plain.subarray(61)) ?? new Uint8Array(0)
  const bytes = joined([plain.subarray(0, 61), records])
  new DataView(bytes.buffer).setInt32(8, bytes.length - 12)
  return altered(bytes, (view) => view.setInt16(21, view.getInt16(21) | compressionId(type)))
}

/** With its checksum right again. */
export function altered(bytes: Uint8Array, change: (view: DataView) => void): Uint8Array {
  const copy = bytes.slice()
  const view = new DataView(copy.buffer)
  change(view)
  view.setUint32(17, kernel.crc32cOf(copy.subarray(21)))
  return copy
}

export function marker(baseOffset: number, producerId: number, isCommit: boolean, producerEpoch = 0): Uint8Array {
  const at = { baseOffset, leaderEpoch: 0, now: TIME + baseOffset }
  return encodeMarker(kernel, { producerId, producerEpoch, isCommit }, at)
}

/** A directory as a broker leaves it, made by hand: its segments are the log's own, byte for byte. */
export class KafkaSource {
  readonly disk: VirtualDisk = new VirtualDisk()

  constructor(isClean: boolean = true) {
    this.text('meta.properties', 'version=1\nnode.id=1\ncluster.id=none\n')
    if (isClean) this.text('.kafka_cleanshutdown', '{"version":0,"brokerEpoch":5}')
  }

  file(path: string, ...parts: readonly Uint8Array[]): this {
    const file = this.disk.open(path, { create: true })
    file?.truncate(0)
    file?.write(joined(parts), 0)
    file?.close()
    return this
  }

  text(path: string, text: string): this {
    return this.file(path, new TextEncoder().encode(text))
  }

  /** A partition with one segment from offset 0 on. */
  partition(name: string, topicId: string, ...batches: readonly Uint8Array[]): this {
    this.file(`${name}/partition.metadata`, formatPartitionMetadata(topicId))
    return this.segment(name, 0, ...batches)
  }

  segment(name: string, baseOffset: number, ...batches: readonly Uint8Array[]): this {
    this.file(`${name}/${segmentFileName(baseOffset, 'log')}`, ...batches)
    // Preallocated, as long as the segment is in use.
    return this.file(`${name}/${segmentFileName(baseOffset, 'index')}`, new Uint8Array(80))
  }

  /** One of the broker's files of offsets. */
  offsets(name: string, entries: Readonly<Record<string, number>>): this {
    const lines = Object.entries(entries).map(([at, offset]) => `${at.replace(/-(\d+)$/, ' $1')} ${offset}`)
    return this.text(name, ['0', String(lines.length), ...lines, ''].join('\n'))
  }
}

/** Key and value of a commit in `__consumer_offsets`, in one of the versions that Kafka wrote. */
export function commit(
  [groupId, topic, partition]: readonly [string, string, number],
  nextOffset: number,
  version = 3,
  topicId?: string,
): { readonly key: Uint8Array; readonly value: Uint8Array } {
  const value = new BigEndianWriter().int16(version).int64(nextOffset)
  if (version >= 3) value.int32(7)
  if (version >= 4) value.compactString('meta')
  else value.string('meta')
  value.int64(TIME)
  if (version === 1) value.int64(TIME + 1000)
  if (version >= 4) {
    value.varint(topicId === undefined ? 0 : 1)
    if (topicId !== undefined) {
      value.varint(0).varint(16)
      for (const byte of topicIdBytes(topicId)) value.int8(byte)
    }
  }
  return { key: commitKey([groupId, topic, partition]), value: value.finish() }
}

export function commitKey([groupId, topic, partition]: readonly [string, string, number]): Uint8Array {
  return new BigEndianWriter().int16(1).string(groupId).string(topic).int32(partition).finish()
}

/** A record of the controllers' log. */
export const metadata = {
  topic: (name: string, topicId: string): Uint8Array =>
    uuid(new BigEndianWriter().varint(1).varint(2).varint(0).compactString(name), topicId).varint(0).finish(),
  partition: (topicId: string, partition: number): Uint8Array =>
    uuid(new BigEndianWriter().varint(1).varint(3).varint(0).int32(partition), topicId).varint(0).finish(),
  config: (topic: string, key: string, value: string | null): Uint8Array => {
    const record = new BigEndianWriter().varint(1).varint(4).varint(0).int8(2).compactString(topic).compactString(key)
    return (value === null ? record.varint(0) : record.compactString(value)).varint(0).finish()
  },
  removeTopic: (topicId: string): Uint8Array =>
    uuid(new BigEndianWriter().varint(1).varint(9).varint(0), topicId).varint(0).finish(),
  producerIds: (next: number): Uint8Array =>
    new BigEndianWriter().varint(1).varint(15).varint(0).int32(1).int64(5).int64(next).varint(0).finish(),
  /** 23 begins a transaction of the controller's, 24 ends it, 25 aborts it. */
  bare: (kind: number): Uint8Array => new BigEndianWriter().varint(1).varint(kind).varint(0).varint(0).finish(),
}

function uuid(writer: BigEndianWriter, topicId: string): BigEndianWriter {
  for (const byte of topicIdBytes(topicId)) writer.int8(byte)
  return writer
}

/** Ids of topics, each of its own. */
export const IDS = ['AAAAAAAAAAAAAAAAAAABAA', 'AAAAAAAAAAAAAAAAAAACAA', 'AAAAAAAAAAAAAAAAAAADAA'] as const
