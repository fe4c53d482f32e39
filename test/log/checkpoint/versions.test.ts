// Checkpoints of before are read: version 2 noted that a partition is read-only, and not where it is damaged.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ByteWriter } from '../../../bindings/log/bytes/byte-writer.ts'
import { decodeCheckpointFile, encodeCheckpointFile } from '../../../bindings/log/checkpoint/checkpoint-file.ts'
import {
  type CheckpointPartition,
  type CheckpointSegment,
  decodeCheckpoint,
  writeFacts,
  writePartition,
} from '../../../bindings/log/checkpoint/checkpoint-record.ts'
import { newKernel } from '../../kernel/support.ts'

const kernel = newKernel()
const FACTS = { nonce: 1, sequence: 2, generation: 3, coveredSequence: 4, leaderEpoch: 5, producerIdsEnd: 6 }
const PARTITION: CheckpointPartition = {
  ...{
    topicId: 'AAAAAAAAAAAAAAAAAAAAAg',
    partition: 7,
    logStartOffset: 8,
    nextOffset: 9,
    ceiling: 10,
    cleanedOffset: 11,
  },
  ...{ readOnly: false, segments: [], leaderEpochs: [], partialSector: new Uint8Array(3), producers: [] },
}
/** Of a partition: id, number, four offsets, then whether it is read-only. */
const READ_ONLY_AT = 24 + 4 + 4 * 8

function encoded(partition: CheckpointPartition): { readonly facts: Uint8Array; readonly record: Uint8Array } {
  const [facts, record] = [new ByteWriter(64), new ByteWriter(64)]
  writeFacts(facts, { ...FACTS, partitionCount: 1 })
  writePartition(record, partition)
  return { facts: facts.bytes, record: record.bytes }
}

test('what is written comes back, with the place of damage where there is one', () => {
  const places = [undefined, { file: 't-7/ü.log', position: 12, offset: undefined, code: 'bad-crc' }]
  for (const damage of [...places, { file: 't-7', position: 0, offset: 2 ** 40, code: 'CORRUPT_LOG' }]) {
    const { facts, record } = encoded({ ...PARTITION, readOnly: true, damage })
    const file = encodeCheckpointFile(Uint8Array.of(...facts, ...record), kernel)
    const [found] = decodeCheckpointFile(file, kernel, 'checkpoint/0')?.partitions ?? []
    assert.equal([found?.readOnly, found?.damage, found?.partialSector], [true, damage, new Uint8Array(3)])
  }
})

test('version 2: that a partition is read-only is known, where it is damaged is not', () => {
  const { facts, record } = encoded({ ...PARTITION, readOnly: true })
  // In version 2 nothing about the place of the damage follows the flag.
  const older = Uint8Array.of(...facts, ...record.subarray(0, READ_ONLY_AT + 1), ...record.subarray(READ_ONLY_AT + 2))
  const [found] = decodeCheckpoint(older, 2, 'checkpoint/0', 0).partitions
  assert.equal([found?.readOnly, found?.damage, found?.partialSector], [true, undefined, new Uint8Array(3)])
  const whole = encoded(PARTITION)
  const [same] = decodeCheckpoint(Uint8Array.of(...whole.facts, ...whole.record), 2, 'checkpoint/0', 0).partitions
  assert.equal(same, PARTITION)
})

test('version 3: no first CRC is known, and that is what the next checkpoint notes too', () => {
  const noted = { entryCount: 1, checksum: 2 }
  const segment: CheckpointSegment = {
    ...{ baseOffset: 8, nextOffset: 9, sizeBytes: 70, maxTimestamp: 3, maxTimestampOffset: 8, firstTimestamp: 3 },
    ...{ firstCrc: undefined, headerChecksum: 4, isCleaned: false },
    ...{ offsetIndex: noted, timeIndex: noted, abortedIndex: noted },
  }
  const segmentsOf = (firstCrc: number | undefined) => encoded({ ...PARTITION, segments: [{ ...segment, firstCrc }] })
  const known = segmentsOf(0xffff_fffe)
  const [kept] = decodeCheckpoint(Uint8Array.of(...known.facts, ...known.record), 4, 'checkpoint/0', 0).partitions
  assert.is(kept?.segments[0]?.firstCrc, 0xffff_fffe)
  const { facts, record } = segmentsOf(undefined)
  // Behind the read-only flag: the count, then of the segment its offsets, size and times.
  const flagAt = READ_ONLY_AT + 1 + 4 + 3 * 8 + 4 + 2 * 8
  const older = Uint8Array.of(...facts, ...record.subarray(0, flagAt), ...record.subarray(flagAt + 1))
  const [found] = decodeCheckpoint(older, 3, 'checkpoint/0', 0).partitions
  assert.equal(found?.segments, [segment])
  const [same] = decodeCheckpoint(Uint8Array.of(...facts, ...record), 4, 'checkpoint/0', 0).partitions
  assert.equal(same?.segments, [segment])
})

test('version 4: when a producer’s last marker came is not known', () => {
  const ended = { producerId: 3, producerEpoch: 2, coordinatorEpoch: 1, currentTransactionFirstOffset: -1, batches: [] }
  for (const producer of [ended, { ...ended, markerTimestamp: 2 ** 41 }]) {
    const { facts, record } = encoded({ ...PARTITION, producers: [producer] })
    const [found] = decodeCheckpoint(Uint8Array.of(...facts, ...record), 5, 'checkpoint/0', 0).partitions
    assert.equal(found?.producers, [producer])
    // The time stands at the end.
    const older = Uint8Array.of(...facts, ...record.subarray(0, -8))
    const [elder] = decodeCheckpoint(older, 4, 'checkpoint/0', 0).partitions
    assert.equal(elder?.producers, [ended])
  }
})

test.run()
