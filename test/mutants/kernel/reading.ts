import type { Mutant } from '../mutant.ts'
import { faultsOf } from './faults.ts'

const decode = ['batch-decode', 'kernel.spec']

const BYTES = faultsOf('bytes.ts', decode, {
  'numbers below the range of JavaScript are exact': ['value >= -SAFE && ', ''],
  'numbers above the range of JavaScript are exact': [' && value <= SAFE', ''],
})

const BATCHES = faultsOf('batch-reader.ts', decode, {
  'a length that is none is taken for a torn batch': [
    '  if (length < <i32>(HEADER - OVERHEAD)) return BAD_LENGTH\n',
    '',
  ],
  'another magic is taken': ['  if (load<u8>(address + 16) !== 2) return BAD_MAGIC\n', ''],
  'a batch that ends beyond its bytes is whole': ['<u32>length > available - OVERHEAD', '<u32>length > available'],
  'the checksum is not compared': [
    '  if (crc32c(0, address + 21, size - 21) !== load32(address + 17)) return BAD_CRC\n',
    '',
  ],
  'the last offset of a batch lies before its first': ['lastOffsetDelta < 0 || ', ''],
  'a batch has fewer than no records': ['count < 0 || <i64>count >', '<i64>count >'],
  'a batch has more records than offsets': [' || <i64>count > <i64>lastOffsetDelta + 1', ''],
  'bytes of no record': ['count === 0 ? recordsBytes !== 0 : ', ''],
  'more records than their bytes hold': ['<u32>count > recordsBytes / SMALLEST_RECORD', 'false'],
  'a batch begins before offset 0': ['baseOffset < 0 || ', ''],
  'a batch ends behind the last offset': ['!isSafe(baseOffset + <i64>lastOffsetDelta + 1)', '!isSafe(baseOffset)'],
  'any base timestamp': ['!isSafe(load64(address + 27)) || ', ''],
  'any greatest timestamp': ['!isSafe(load64(address + 35)) || ', ''],
  'any producer id': [' || !isSafe(load64(address + 43))', ''],
  'offsets of batches go back': ['    if (baseOffset < next) break\n', ''],
  'a batch begins with the last offset of the one before': [
    'next = baseOffset + <i64>load32(batch + 23) + 1',
    'next = baseOffset + <i64>load32(batch + 23)',
  ],
})

const RECORDS = faultsOf('batch-reader.ts', decode, {
  'a number of 33 bits': ['          if (group > 15) fail()\n', ''],
  'a number of eleven bytes': ['shift < 70', 'shift < 77'],
  'bytes behind the last record': ['  if (recordsLeft === 0 && cursor !== batchEnd) return -BAD_COUNT\n', ''],
  'offsets of usual records go back': ['if (offsetDelta <= lastDelta || ', 'if ('],
  'offsets of usual records pass the last one': [' || offsetDelta > offsetMax) break', ') break'],
  'any timestamp of usual records': ['  if (!isSafe(base - USUAL_MAX) || !isSafe(base + USUAL_MAX)) return row\n', ''],
  'headers of usual records are overlooked': ['at + 1 !== end || load<u8>(at) !== 0', 'at + 1 !== end'],
  'two records at one offset': ['  offsetDeltaMin = offsetDelta + 1\n  const delta', '  const delta'],
  'offsets pass the last one': [' || offsetDelta > offsetDeltaMax) return BAD_COUNT', ') return BAD_COUNT'],
  'a record ends before its length says': ['if (cursor !== end || offsetDelta', 'if (offsetDelta'],
  "usual records keep their producer's time where the log's is asked for": [
    'const base = isLogAppendTime ? maxTimestamp : baseTimestamp\n',
    'const base = baseTimestamp\n',
  ],
  "usual records add their producer's time to the log's": ['= isLogAppendTime ? 0 : USUAL_MAX', '= USUAL_MAX'],
  "records keep their producer's time where the log's is asked for": [
    'isLogAppendTime ? maxTimestamp : baseTimestamp + delta',
    'baseTimestamp + delta',
  ],
  'fewer than no headers': ['count < 0 || <usize>count > (cursorEnd', '<usize>max(count, 0) > (cursorEnd'],
  'a header without a name': ['    if (nameLength < 0) return false\n', ''],
})

const KEYED = faultsOf('batch-reader.ts', ['keyed-records'], {
  "the value's bytes are hashed for the key": [
    'siphash(batch + load<u32>(row), keyLength',
    'siphash(batch + load<u32>(row, 8), keyLength',
  ],
  'hashes of all keys lie in one place': ['    hash += HASH\n', ''],
  'nothing says where a usual record ends': ['    storeEnd(row, <u32>(end - from))\n', ''],
  'nothing says where an unusual record ends': ['  storeEnd(row, <u32>(end - batch))\n', ''],
})

export const READING: readonly Mutant[] = [...BYTES, ...BATCHES, ...RECORDS, ...KEYED]
