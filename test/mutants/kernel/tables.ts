import type { Mutant } from '../mutant.ts'
import { faultsOf } from './faults.ts'

const INDEXES = faultsOf('indexes.ts', ['indexes'], {
  'an entry at the third quarter is passed over': [
    'const isThird = <i32>load32(third) <= target',
    'const isThird = <i32>load32(third) < target',
  ],
  'a group at the third quarter is passed over': [
    'const isThird = load<i32>(third) <= target',
    'const isThird = load<i32>(third) < target',
  ],
  'what lies before the first group has a position': ['    if (groups === 0) return 0\n', ''],
  'the last group is full': ['min(GROUP, count - ((groups - 1) << (<u32>GROUP_SHIFT)))', 'GROUP'],
  'what lies before the first entry has a position': ['atOrBelow === 0 ? 0 : load32', 'load32'],
  'positions of an index stand still': ['nextPosition <= position', 'nextPosition < position'],
  'offsets of an index stand still': ['nextOffset <= offset || nextPosition', 'nextOffset < offset || nextPosition'],
  'what is older than all entries has an offset': [
    'return load64(base) <= target ? load32(base + 8) : 0',
    'return load32(base + 8)',
  ],
  'an entry of that very time is passed over': ['load64(middle) <= target', 'load64(middle) < target'],
  'times of an index stand still': ['nextTimestamp <= timestamp', 'nextTimestamp < timestamp'],
  'offsets of a time index go back': [' || nextOffset < offset', ''],
  'any time in an index': ['nextTimestamp < -9007199254740991 || nextTimestamp > 9007199254740991', 'false'],
})

const PRODUCERS = faultsOf('producers.ts', ['producers'], {
  'an older epoch': ['    if (epoch < known) return STALE_EPOCH\n', ''],
  'a new epoch begins anywhere': ['return first === 0 ? ACCEPTED : OUT_OF_ORDER', 'return ACCEPTED'],
  'sequences end': ['return <i32>((<u32>sequence + 1) & SEQUENCE_MASK)', 'return sequence + 1'],
  'a state without an epoch takes no sequence': ['  if (known === -1) return ACCEPTED\n', ''],
  'a batch of another length is the same': [' && load<i32>(batch, 4) === last', ''],
  'what a producer sent before it was known is a duplicate': ['  if (count < BATCHES_MAX) return OUT_OF_ORDER\n', ''],
  'sequences that never wrapped are ahead and below': [
    '  if ((flagsOf(slot) & WRAPPED) === 0 && (first > last || last >= oldest)) return OUT_OF_ORDER\n',
    '',
  ],
  'a batch that reaches into the window is below it': [' && distance >= records', ''],
  'a batch begins half a circle away and is below': ['distance < 0x40000000 && ', ''],
  'a wrap within a batch alone is seen': [
    'last < first || (count !== 0 && first < lastSequenceOf(slot))',
    'last < first',
  ],
  'a wrap between two batches alone is seen': [
    'last < first || (count !== 0 && first < lastSequenceOf(slot))',
    'count !== 0 && first < lastSequenceOf(slot)',
  ],
  'batches of the epoch before answer': [
    '  else if (epochOf(slot) !== epoch) {\n    store<u8>(slot, 0, 14)\n',
    '  else if (epochOf(slot) !== epoch) {\n',
  ],
  'a wrap of the epoch before counts': [
    '    store<u8>(slot, 0, 14)\n    store<u8>(slot, 0, 15)\n  }\n',
    '    store<u8>(slot, 0, 14)\n  }\n',
  ],
  'the slot of the window that moved names its old place': [
    '    store<u32>(find(table, slots, load<i64>(last)), number, 16)\n',
    '',
  ],
  'the window that moves stays behind': [
    '    memory.copy(windowAt(table, slots, number), last, 1 << WINDOW_SHIFT)\n',
    '',
  ],
  'a gap ends the search for those behind it': [
    'if (((slot - home) & mask) < ((slot - hole) & mask)) continue',
    'if (home !== 0) continue',
  ],
  'slots move up before their home': ['    if (((slot - home) & mask) < ((slot - hole) & mask)) continue\n', ''],
  'the slot found last is one of any table': [
    'found >= table && found < end && idOf(found) === id',
    'found !== 0 && idOf(found) === id',
  ],
  'batches of before a snapshot stay': [
    '  store<u8>(slot, 0, 14)\n  store<u8>(slot, 0, 15)\n  store<i32>(slot, coordinatorEpoch',
    '  store<u8>(slot, 0, 15)\n  store<i32>(slot, coordinatorEpoch',
  ],
})

export const TABLES: readonly Mutant[] = [...INDEXES, ...PRODUCERS]
