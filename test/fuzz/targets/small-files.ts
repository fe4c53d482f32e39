import { crc32c } from '@node-rs/crc32'
import type { Kernel } from '../../../bindings/kernel/kernel.ts'
import { formatLeaderEpochs, parseLeaderEpochs } from '../../../bindings/log/files/leader-epoch-checkpoint.ts'
import { formatPartitionMetadata, parsePartitionMetadata } from '../../../bindings/log/files/partition-metadata.ts'
import { decodeProducerSnapshot, encodeProducerSnapshot } from '../../../bindings/log/files/producer-snapshot.ts'
import type { StoredProducer } from '../../../bindings/storage/stored-state.ts'
import { type Bytes, expect, type FuzzTarget, sameJson, viewOf } from '../target.ts'

const SNAPSHOT_HEAD_BYTES = 10
const SNAPSHOT_ENTRY_BYTES = 46
const ID = 'AAAAAAAAAAAAAAAAAAAABA'

function producers(count: number): StoredProducer[] {
  return Array.from({ length: count }, (_, index) => {
    const batch = { baseSequence: 0, firstSequence: 3, lastSequence: 5, baseOffset: 7 + index, lastOffset: 9 + index }
    const batches = index % 3 === 2 ? [] : [{ ...batch, timestamp: 1_700_000_000_000 }]
    const instance = { producerId: 5 + index, producerEpoch: 1, coordinatorEpoch: -1 }
    return { ...instance, currentTransactionFirstOffset: index - 1, batches }
  })
}

export function snapshotTarget(
  kernel: Kernel,
  decode: typeof decodeProducerSnapshot = decodeProducerSnapshot,
): FuzzTarget {
  return {
    name: 'producer snapshots',
    share: 100,
    whole: [0, 1, 4].map((count) => encodeProducerSnapshot(kernel, producers(count))),
    reseal(bytes) {
      if (bytes.length < SNAPSHOT_HEAD_BYTES) return
      viewOf(bytes).setUint32(2, crc32c(Buffer.from(bytes.buffer, 6, bytes.length - 6)))
    },
    take(bytes) {
      const decoded = decode(kernel, bytes, '7.snapshot')
      const view = viewOf(bytes)
      expect(crc32c(Buffer.from(bytes.buffer, 6, bytes.length - 6)) === view.getUint32(2), () => 'another checksum')
      expect(view.getInt16(0) === 1, () => `version ${view.getInt16(0)}`)
      expect(decoded.length * SNAPSHOT_ENTRY_BYTES + SNAPSHOT_HEAD_BYTES === bytes.length, () => 'another length')
      decoded.forEach((producer, index) => {
        sameJson(producer, producerAt(view, SNAPSHOT_HEAD_BYTES + index * SNAPSHOT_ENTRY_BYTES), `producer ${index}`)
      })
    },
  }
}

function producerAt(view: DataView, at: number): unknown {
  const [lastSequence, lastOffset] = [view.getInt32(at + 10), Number(view.getBigInt64(at + 14))]
  const delta = view.getInt32(at + 22)
  const firstSequence = lastSequence >= delta ? lastSequence - delta : lastSequence - delta + 2 ** 31
  const timestamp = Number(view.getBigInt64(at + 26))
  const batch = { firstSequence, lastSequence, baseOffset: lastOffset - delta, lastOffset, timestamp }
  const hasBatch = lastSequence >= 0 && lastOffset >= 0
  return {
    producerId: Number(view.getBigInt64(at)),
    producerEpoch: view.getInt16(at + 8),
    coordinatorEpoch: view.getInt32(at + 34),
    currentTransactionFirstOffset: Number(view.getBigInt64(at + 38)),
    batches: hasBatch ? [batch] : [],
    ...(!hasBatch && timestamp >= 0 && { markerTimestamp: timestamp }),
  }
}

export function leaderEpochTarget(parse: typeof parseLeaderEpochs = parseLeaderEpochs): FuzzTarget {
  const entries = [0, 1, 5].map((epoch) => ({ epoch, startOffset: epoch * 2 ** 31 }))
  return {
    name: 'leader epochs',
    share: 60,
    whole: [0, 1, 3].map((count) => formatLeaderEpochs(entries.slice(0, count))),
    take(bytes) {
      const parsed = parse(bytes, 'leader-epoch-checkpoint')
      const text = textOf(bytes)
      // Kafka reads these as none, too.
      const isNone = parsed.length === 0 && (text === '' || text === '0\n')
      expect(isNone || text === textOf(formatLeaderEpochs(parsed)), () => `${JSON.stringify(text)} is taken`)
      parsed.forEach(({ epoch, startOffset }, index) => {
        const before = parsed[index - 1]
        const ascends = before === undefined || (epoch > before.epoch && startOffset > before.startOffset)
        expect(ascends && epoch < 2 ** 31 && Number.isSafeInteger(startOffset), () => `entry ${index} is taken`)
      })
    },
  }
}

export function metadataTarget(parse: typeof parsePartitionMetadata = parsePartitionMetadata): FuzzTarget {
  return {
    name: 'partition.metadata',
    share: 40,
    whole: [formatPartitionMetadata(ID), new TextEncoder().encode(`version: 0\ntopic_id: ${ID}\n`)],
    take(bytes) {
      const topicId = parse(bytes, 'partition.metadata')
      const text = textOf(bytes)
      expect(text === `version: 0\ntopic_id: ${topicId}` || text === `version: 0\ntopic_id: ${topicId}\n`, () => text)
      // 16 bytes in the one way that base64url has for them.
      const again = Buffer.from(topicId, 'base64url').toString('base64url')
      expect(topicId.length === 22 && again === topicId, () => `the id ${topicId}`)
    },
  }
}

function textOf(bytes: Bytes): string {
  return Buffer.from(bytes).toString('utf8')
}
