import type { Mutant } from '../mutant.ts'
import { faultsOf } from './faults.ts'

export const MEMORY: readonly Mutant[] = faultsOf('pages.ts', ['memory'], {
  'a run does not join a longer one before it': ['if (kind === FREE || kind === FREE_LAST) {', 'if (kind === FREE) {'],
  'a run does not join the one behind it': ['if (next < pagesNow && ', 'if (next > pagesNow && '],
  'a run that is taken leaves its end': ['  store<u32>(entryOf(page + length - 1), INTERIOR)\n', ''],
  'the rest of a run is lost': ['  if (pages > length) runLink(page + length, pages - length)\n', ''],
  'a run that is too short': ['if (load<u32>(entryOf(page), 4) >= length) return page', 'return page'],
  'memory grows beyond its cap': ['  if (missing > room) return false\n', ''],
  'memory grows by more than the cap leaves': ['  if (step > room) step = room\n', ''],
  'a block is freed twice': ['  if ((load<u64>(word) & bit) === 0) unreachable()\n', ''],
  'a slab that was full gives no block again': ['  if (wasFull) slabLink(page, length)\n', ''],
  'a slab with blocks in use is freed': [
    '(load<u64>(entry, 16) | load<u64>(entry, 24)) === 0',
    'load<u64>(entry, 16) === 0',
  ],
  'a slab that is full gives blocks': ['  if (slabIsFull(entry, sizeClass)) slabUnlink(page, sizeClass)\n', ''],
  'an empty slab stays one': ['    slabUnlink(page, length)\n    runRelease(page, 1)\n', ''],
  'freed blocks count as used': ['  usedBytes -= 1 << (SMALLEST_SHIFT + length)\n', ''],
  'freed pages count as used': ['    usedBytes -= <u64>length * PAGE_BYTES\n', ''],
  'a restarted kernel has memory in use': ['    usedBytes = 0\n', ''],
  'a restarted kernel keeps its slabs': ['    memory.fill(RUN_BINS, 0, SLAB_HEADS_END - RUN_BINS)\n', ''],
  'a restarted kernel keeps its pages': ['    memory.fill(PAGE_TABLE, 0, tableEnd - PAGE_TABLE)\n', ''],
  'a restarted kernel fails as told before': ['    failIn = 0\n', ''],
  'a power of two takes twice its bytes': ['1 << (32 - clz(size - 1))', '1 << (32 - clz(size))'],
  'a size that rounds to none': ['  if (size > 0xffff0000) return 0\n', ''],
})
