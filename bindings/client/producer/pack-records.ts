import { allocate } from '../../model/allocate.ts'
import type { PackedRecords } from '../../model/batch-records.ts'
import { copyBytes } from '../../model/copy-bytes.ts'
import type { EncodedRecord, RecordBytes } from '../../model/records.ts'
import { bytesLength } from '../../model/view-length.ts'
import { TEXT_GROWTH } from './size-bounds.ts'

const encoder = new TextEncoder()

/**
 * Packs records that have no headers and no timestamps of their own into one piece, which shares nothing with the
 * program. Returns `undefined` if a field has no bytes, or if a getter gives more than before. Hot path: no object for
 * each record.
 */
export function packRecords(records: readonly EncodedRecord[]): PackedRecords | undefined {
  try {
    return new RecordPacker(records).pack(records)
  } catch {
    return undefined
  }
}

/** Returns the records as views of the piece that they were packed into. */
export function unpackRecords({ payload, lengths }: PackedRecords): EncodedRecord[] {
  let at = 0
  const field = (length: number): Uint8Array | null => {
    if (length < 0) return null
    at += length
    return payload.subarray(at - length, at)
  }
  return Array.from({ length: lengths.length >> 1 }, (_, index) => {
    const key = field(lengths[index * 2] as number)
    return { key, value: field(lengths[index * 2 + 1] as number) }
  })
}

class RecordPacker {
  readonly #payload: Uint8Array<ArrayBuffer>
  readonly #lengths: Int32Array
  #at = 0

  constructor(records: readonly EncodedRecord[]) {
    let sizeBytes = 0
    for (const { key, value } of records) sizeBytes += mostBytes(key ?? null) + mostBytes(value)
    this.#payload = allocate(sizeBytes)
    this.#lengths = new Int32Array(records.length * 2)
  }

  pack(records: readonly EncodedRecord[]): PackedRecords {
    let index = 0
    for (const { key, value } of records) {
      this.#lengths[index++] = this.#put(key ?? null)
      this.#lengths[index++] = this.#put(value)
    }
    return { payload: this.#payload.subarray(0, this.#at), lengths: this.#lengths }
  }

  #put(field: RecordBytes): number {
    if (field === null) return -1
    const at = this.#at
    if (typeof field === 'string') {
      const { read, written } = encoder.encodeInto(field, this.#payload.subarray(at))
      // A getter gave more than when its size was asked for.
      if (read < field.length) throw new RangeError('no room')
      this.#at += written
    } else {
      const length = bytesLength(field)
      copyBytes(this.#payload, field, length, at)
      this.#at += length
    }
    return this.#at - at
  }
}

function mostBytes(field: RecordBytes): number {
  if (field === null) return 0
  return typeof field === 'string' ? field.length * TEXT_GROWTH : bytesLength(field)
}
