import { MessageReader } from '../../bindings/engine/remote/message-reader.ts'
import { MessageWriter } from '../../bindings/engine/remote/message-writer.ts'
import { readValue, writeValue } from '../../bindings/engine/remote/values.ts'
import { msgpack } from '../../bindings/entry/msgpack.ts'
import type { Kernel } from '../../bindings/kernel/kernel.ts'
import { formatLeaderEpochs, parseLeaderEpochs } from '../../bindings/log/files/leader-epoch-checkpoint.ts'
import { decodeProducerSnapshot, encodeProducerSnapshot } from '../../bindings/log/files/producer-snapshot.ts'
import { sealedBatch } from '../../bindings/storage/conformance/batches.ts'

/** Something that takes bytes from outside, and whole bytes of its kind. */
export interface FuzzTarget {
  readonly name: string
  readonly whole: readonly Uint8Array<ArrayBuffer>[]
  /** Takes them, or refuses them with a LogError or a fault. */
  take(bytes: Uint8Array<ArrayBuffer>): unknown
  /** A checksum covers every byte from here on: with one of them changed it must be refused. */
  readonly checkedFrom?: number | undefined
}

const VALUES = [
  undefined,
  null,
  true,
  -1,
  0.5,
  2 ** 40,
  'text',
  new Uint8Array([1, 2, 3]),
  [1, ['a', {}]],
  { a: { b: [null] } },
]

export function fuzzTargets(kernel: Kernel): readonly FuzzTarget[] {
  const buffer = kernel.allocate(64 * 1024)
  if (buffer === undefined) throw new Error('no kernel memory for a buffer')
  const codec = msgpack()
  const batch = { baseSequence: 0, lastSequence: 0, baseOffset: 7, lastOffset: 9, timestamp: 1_700_000_000_000 }
  const producer = { producerId: 5, producerEpoch: 1, coordinatorEpoch: -1, currentTransactionFirstOffset: -1 }
  const snapshot = encodeProducerSnapshot(kernel, [
    { ...producer, batches: [{ ...batch, firstSequence: 0, lastSequence: 2 }] },
  ])
  return [
    {
      name: 'batches in the kernel',
      whole: [1, 3, 40].map(
        (records) => sealedBatch({ baseOffset: 7, recordCount: records }).bytes.slice() as Uint8Array<ArrayBuffer>,
      ),
      take(bytes) {
        const length = Math.min(bytes.length, buffer.sizeBytes)
        buffer.bytes(0, length).set(bytes.subarray(0, length))
        const fault = kernel.batchReader.fault(buffer, 0, length)
        if (fault !== undefined) throw new Refused(fault)
        const decoded = kernel.batchReader.decode(buffer, 0, length, false)
        if (typeof decoded === 'string') throw new Refused(decoded)
      },
      // The CRC begins behind itself.
      checkedFrom: 21,
    },
    {
      name: 'producer snapshots',
      whole: [snapshot],
      take: (bytes) => decodeProducerSnapshot(kernel, bytes, 'snapshot'),
      checkedFrom: 0,
    },
    {
      name: 'leader epochs',
      whole: [formatLeaderEpochs([0, 1, 5].map((epoch) => ({ epoch, startOffset: epoch * 10 })))],
      take: (bytes) => parseLeaderEpochs(bytes, 'leader-epoch-checkpoint'),
    },
    {
      name: 'values of calls',
      whole: VALUES.map((value) => {
        const writer = new MessageWriter()
        writeValue(writer, value)
        return writer.finish()
      }),
      take: (bytes) => readValue(new MessageReader(bytes)),
    },
    {
      name: 'msgpack values',
      whole: VALUES.slice(1).map((value) => codec.encode(value).slice() as Uint8Array<ArrayBuffer>),
      // A consumer's record wraps whatever it throws (RECORD_DESERIALIZATION); only the stack must not end.
      take(bytes) {
        try {
          codec.decode(bytes)
        } catch (error) {
          throw error instanceof Error && !/call stack/.test(error.message) ? new Refused(error.message) : error
        }
      },
    },
  ]
}

/** A fault that is no error yet. */
export class Refused extends Error {}
