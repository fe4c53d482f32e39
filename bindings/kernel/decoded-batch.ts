import type { ChunkedBytes } from '../model/chunked-bytes.ts'
import { DecodedRecords } from '../model/decoded-records.ts'
import type { BatchHeader, DecodedBatch } from './kernel.ts'

/** The records of a batch whose lengths the kernel has checked, with its header. */
export class KernelBatch extends DecodedRecords implements DecodedBatch {
  readonly header: Readonly<BatchHeader>

  constructor(header: Readonly<BatchHeader>, bytes: ChunkedBytes, plainBytes: number, table: readonly Int32Array[]) {
    const { baseOffset, lastOffsetDelta, recordCount } = header
    super(baseOffset, baseOffset + lastOffsetDelta + 1, recordCount, bytes, plainBytes, table)
    this.header = header
  }
}
