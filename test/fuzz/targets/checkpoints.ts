import { crc32c } from '@node-rs/crc32'
import type { Kernel } from '../../../bindings/kernel/kernel.ts'
import { ByteWriter } from '../../../bindings/log/bytes/byte-writer.ts'
import { decodeCheckpointFile, encodeCheckpointFile } from '../../../bindings/log/checkpoint/checkpoint-file.ts'
import {
  type CheckpointPartition,
  type CheckpointRecord,
  writeFacts,
  writePartition,
} from '../../../bindings/log/checkpoint/checkpoint-record.ts'
import { type Bytes, copyOf, expect, type FuzzTarget, Refused, sameBytes, viewOf } from '../target.ts'

const HEAD_BYTES = 16
const FACTS = { nonce: 77, sequence: 5, generation: 2, coveredSequence: 90, leaderEpoch: 1, producerIdsEnd: 3000 }

function partitionOf(number: number): CheckpointPartition {
  const batch = {
    firstSequence: 0,
    lastSequence: 2,
    baseOffset: 2 ** 32,
    lastOffset: 2 ** 32 + 2,
    timestamp: 1_700_000_000_000,
  }
  const producer = { producerId: 9, producerEpoch: 1, coordinatorEpoch: 0, currentTransactionFirstOffset: -1 }
  const noted = { entryCount: 3, checksum: 0x8765_4321 }
  const indexes = { offsetIndex: noted, timeIndex: noted, abortedIndex: { entryCount: 0, checksum: 0 } }
  const segment = {
    baseOffset: 7,
    nextOffset: 2 ** 32 + 3,
    sizeBytes: 900,
    headerChecksum: 0x1234_5678,
    isCleaned: true,
  }
  const times = { maxTimestamp: 1_700_000_000_000, maxTimestampOffset: 2 ** 32, firstTimestamp: -1 }
  const firstCrc = number === 1 ? undefined : 0x2345_6789
  return {
    ...{ topicId: 'AAAAAAAAAAAAAAAAAAAABA', partition: number, logStartOffset: 7, nextOffset: 2 ** 32 + 3 },
    ...{ ceiling: 2 ** 33, cleanedOffset: 9, readOnly: number === 1 },
    damage: number === 1 ? { file: 't-1/0.log', position: 5, offset: 2 ** 33, code: 'bad-crc' } : undefined,
    segments: Array.from({ length: number }, () => ({ ...segment, ...times, firstCrc, ...indexes })),
    leaderEpochs: [{ epoch: 0, startOffset: 7 }],
    partialSector: new Uint8Array(11).fill(3),
    producers: [{ ...producer, batches: [batch, batch] }],
  }
}

function payloadOf({ partitions, ...facts }: CheckpointRecord): Bytes {
  const writer = new ByteWriter()
  writeFacts(writer, facts)
  for (const partition of partitions) writePartition(writer, partition)
  return writer.bytes.slice()
}

export function checkpointTarget(
  kernel: Kernel,
  decode: typeof decodeCheckpointFile = decodeCheckpointFile,
): FuzzTarget {
  const records = [0, 1, 2].map((count) => {
    const partitions = Array.from({ length: count }, (_, index) => partitionOf(index + 1))
    return { ...FACTS, partitionCount: count, partitions }
  })
  return {
    name: 'checkpoint files',
    share: 90,
    whole: records.map((record) => copyOf(encodeCheckpointFile(payloadOf(record), kernel))),
    reseal(bytes) {
      if (bytes.length < HEAD_BYTES) return
      const view = viewOf(bytes)
      if (view.getUint32(8) > bytes.length - HEAD_BYTES) view.setUint32(8, bytes.length - HEAD_BYTES)
      view.setUint32(12, sealOf(bytes))
    },
    take(bytes) {
      const record = decode(bytes, kernel, 'checkpoint/0')
      if (record === undefined) throw new Refused('torn')
      const view = viewOf(bytes)
      expect(view.getUint32(12) === sealOf(bytes), () => 'another checksum')
      const version = view.getUint32(4)
      expect(version >= 1 && version <= 5, () => `version ${version}`)
      // Older versions are written no more: they are read against nothing but their checksum.
      if (version === 5) {
        sameBytes(payloadOf(record), bytes.subarray(HEAD_BYTES, HEAD_BYTES + view.getUint32(8)), 'the record')
      }
    },
  }
}

/** Of the payload, the version in it. */
function sealOf(bytes: Bytes): number {
  const view = viewOf(bytes)
  return (crc32c(Buffer.from(bytes.buffer, HEAD_BYTES, view.getUint32(8))) ^ view.getUint32(4)) >>> 0
}
