import type { Mutant } from '../mutant.ts'
import { faultsOf } from './faults.ts'

const TESTS = ['batch-encode', 'batch-decode', 'kernel.spec']

const VARINTS = faultsOf('varints.ts', TESTS, {
  'numbers of three bytes and more are a byte too short': [
    '(70 - <u32>clz(zigzagged)) / 7',
    '(63 - <u32>clz(zigzagged)) / 7',
  ],
  'numbers of 62 bits are a byte too short': ['(70 - <u32>clz(zigzagged)) / 7', '(69 - <u32>clz(zigzagged)) / 7'],
})

const BATCHES = faultsOf('batch-writer.ts', TESTS, {
  'taken back records keep their time': ['  maxTimestamp = markedTimestamp\n', ''],
  'a delta of the batch before counts': [
    'maxTimestamp = i64.MIN_VALUE\n  seenTimestamp = NaN\n',
    'maxTimestamp = i64.MIN_VALUE\n',
  ],
  'the last time is the greatest': ['if (seenTime > maxTimestamp) maxTimestamp', 'maxTimestamp'],
  'times are subtracted as they come': [
    'const delta = <i64>timestamp - baseTimestamp',
    'const delta = <i64>(timestamp - <f64>baseTimestamp)',
  ],
  'times go forward only': ['<u64>((delta << 1) ^ (delta >> 63))', '<u64>(delta << 1)'],
  'vectors run over the end of the buffer': ['length > 256 || to + length + 16 > batchLimit', 'length > 256'],
  'a usual record runs over the end of the buffer': ['at + body + 2 > batchLimit', 'at + body > batchLimit + 2'],
  'a usual record whose length has three bytes': ['valueField > 0x1fff', 'valueField > 0x3fff'],
  'a usual record of three bytes of offset': [' || offsetField > 0x3fff', ''],
  'offsets above 63 say in one byte that they have two': [
    '(offsetField & 0x7f) | 0x80 | ((offsetField',
    '(offsetField & 0x7f) | ((offsetField',
  ],
  'a record runs over the end of the buffer': ['  if (end > <u64>batchLimit) return 0\n', ''],
  'packed records may have any length': ['    if (keyLength < -1 || valueLength < -1) return -1\n', ''],
  'packed records may have other bytes than they say': ['  if (payload !== payloadBytes) return -1\n', ''],
  'packed records have offsets of one byte': [
    'recordCount + index) + 1\n    if (body',
    'recordCount) + 1\n    if (body',
  ],
  'packed records run over the end of the buffer': [
    'end > <u64>batchLimit ? 0 : <f64>(end - payload)',
    '<f64>(end - payload)',
  ],
  'packed records move over those that wait': ['length > 256 || from - to < 16', 'length > 256'],
  'packed records are read past the end of memory': [' || from + length + 16 > batchLimit', ''],
  'compressed records run over the end of the buffer': [
    '  if (<u64>at + <u64>length > <u64>batchLimit) return 0\n',
    '',
  ],
  'compressed records have no greatest time': ['maxTimestamp = <i64>greatest', 'maxTimestamp = <i64>base'],
  'the last offset is one too great': ['store32(address + 23, recordCount - 1)', 'store32(address + 23, recordCount)'],
  'a sealed batch goes on': ['  batch_close()\n  return size', '  return size'],
  'an empty batch has the least of all times': ['recordCount === 0 ? -1 : <f64>maxTimestamp', '<f64>maxTimestamp'],
})

export const WRITING: readonly Mutant[] = [...VARINTS, ...BATCHES]
