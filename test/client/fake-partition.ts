import type { AppendRequest } from '../../bindings/broker/producer-session.ts'
import type { WholeBatch } from '../../bindings/broker/reader-session.ts'
import { isCompressed, isPacked, type PackedRecords } from '../../bindings/model/batch-records.ts'
import { LogError } from '../../bindings/model/errors.ts'
import type { EncodedRecord, RecordBytes } from '../../bindings/model/records.ts'
import { wholeBatch } from './whole-batch.ts'

/** Of a producer that doesn't compress: nobody here looks into what is. */
export type PlainAppend = AppendRequest & { readonly records: readonly EncodedRecord[] }

export function plainAppend(request: AppendRequest): PlainAppend {
  const { records } = request
  if (isCompressed(records)) throw new Error('the fake broker takes records one by one')
  return { ...request, records: isPacked(records) ? unpacked(records) : records }
}

function unpacked({ payload, lengths }: PackedRecords): EncodedRecord[] {
  let at = 0
  const field = (length: number): Uint8Array | null => {
    if (length < 0) return null
    at += length
    return payload.slice(at - length, at)
  }
  return Array.from({ length: lengths.length / 2 }, (_, index) => {
    return { key: field(lengths[index * 2] as number), value: field(lengths[index * 2 + 1] as number) }
  })
}

interface Window {
  producerEpoch: number
  lastSequence: number
  batches: { readonly first: number; readonly count: number; readonly baseOffset: number }[]
}

const SEQUENCES = 2 ** 31
/** Written long ago, nobody knows any more where. */
const FORGOTTEN = -1

function bytesOf(value: RecordBytes): Uint8Array<ArrayBuffer> | null {
  return value === null ? null : new Uint8Array(Buffer.from(value))
}

/** One partition in plain JavaScript, with Kafka's rules for sequences (kafka.md 3.3). */
export class FakePartition {
  readonly batches: WholeBatch[] = []
  readonly windows: Map<number, Window> = new Map()
  logStartOffset = 0
  endOffset = 0
  lastStableOffset: number | undefined

  /** Base offset of the batch or of the one it repeats; -1 where that was written long ago. */
  append(producerId: number, request: PlainAppend, now: number): number {
    const { producerEpoch, baseSequence, records } = request
    const window = this.windows.get(producerId)
    const repeated = window === undefined ? undefined : this.#check(window, request)
    if (repeated !== undefined) return repeated
    const baseOffset = this.write(records, now)
    const lastSequence = (baseSequence + records.length - 1) % SEQUENCES
    const earlier = window?.producerEpoch === producerEpoch ? window.batches : []
    const batches = [...earlier, { first: baseSequence, count: records.length, baseOffset }].slice(-5)
    this.windows.set(producerId, { producerEpoch, lastSequence, batches })
    return baseOffset
  }

  isRepeated(producerId: number, { producerEpoch, baseSequence, records }: PlainAppend): boolean {
    const window = this.windows.get(producerId)
    if (window?.producerEpoch !== producerEpoch) return false
    return window.batches.some((each) => each.first === baseSequence && each.count === records.length)
  }

  #check(window: Window, { producerEpoch, baseSequence, records }: PlainAppend): number | undefined {
    if (producerEpoch < window.producerEpoch) throw new LogError('INVALID_PRODUCER_EPOCH', 'a newer epoch exists')
    const isNext = producerEpoch > window.producerEpoch ? 0 : (window.lastSequence + 1) % SEQUENCES
    if (baseSequence === isNext) return undefined
    const repeated = window.batches.find((each) => each.first === baseSequence && each.count === records.length)
    if (repeated !== undefined && producerEpoch === window.producerEpoch) return repeated.baseOffset
    const oldest = window.batches.length < 5 ? 0 : (window.batches[0]?.first ?? 0)
    if (producerEpoch === window.producerEpoch && baseSequence < oldest) return FORGOTTEN
    throw new LogError('OUT_OF_ORDER_SEQUENCE_NUMBER', `${baseSequence} is not next`)
  }

  write(records: readonly EncodedRecord[], now: number): number {
    const baseOffset = this.endOffset
    this.endOffset += records.length
    const kept = records.map(({ key, value, timestamp, headers }) => ({
      key: bytesOf(key ?? null),
      value: bytesOf(value),
      timestamp: timestamp ?? now,
      headers: (headers ?? []).map(([name, header]) => [name, bytesOf(header)] as const),
    }))
    this.batches.push(wholeBatch(baseOffset, this.endOffset, kept))
    return baseOffset
  }

  texts(): string[] {
    const decoder = new TextDecoder()
    return this.batches.flatMap((batch) =>
      Array.from({ length: batch.recordCount }, (_, index) => decoder.decode(batch.valueOf(index) ?? undefined)),
    )
  }
}
