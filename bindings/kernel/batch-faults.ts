import type { BatchFault } from './kernel.ts'

/** By the status numbers of assembly/batch-reader.ts. */
export const faults: readonly (BatchFault | undefined)[] = [
  undefined,
  'incomplete',
  'bad-length',
  'bad-magic',
  'bad-crc',
  'bad-count',
  'int64-range',
]

export const statusBadCount: number = faults.indexOf('bad-count')
