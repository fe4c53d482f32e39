import type { Mutant } from './mutant.ts'

const retention = 'engine/retention.test.ts'
const deletions = 'engine/delete-records.test.ts'
const crashes = 'simulation/log-starts.heavy.test.ts'
const rules = 'log/retention/kept-from.ts'
const starts = 'engine/log-starts.ts'
const removal = 'log/store/remove-segments.ts'

export const CLEANUP: readonly Mutant[] = [
  {
    name: "retention: a record's time is that of its append",
    file: 'log/partition/partition.ts',
    find: 'const batch = { bytes, baseOffset, nextOffset, maxTimestamp }',
    put: 'const batch = { bytes, baseOffset, nextOffset, maxTimestamp: now }',
    tests: [retention],
  },
  {
    name: 'retention: records go at half of their time',
    file: rules,
    find: 'const before = at.now - config.retentionMs\n',
    put: 'const before = at.now - config.retentionMs / 2\n',
    tests: [retention],
  },
  {
    name: 'retention: one segment too many goes by size',
    file: rules,
    find: 'if (excessBytes < range.sizeBytes || !mayGo(range)) break',
    put: 'if (excessBytes <= 0 || !mayGo(range)) break',
    tests: ['log/kept-from.test.ts', retention],
  },
  {
    name: 'retention: what is not decided goes',
    file: rules,
    find: 'range.sizeBytes > 0 && range.nextOffset <= at.limitOffset',
    put: 'range.sizeBytes > 0',
    tests: ['log/kept-from.test.ts', retention],
  },
  {
    name: 'retention: records without a time go by none',
    file: rules,
    find: 'return dated?.maxTimestamp ?? Number.POSITIVE_INFINITY',
    put: 'return dated?.maxTimestamp ?? 0',
    tests: ['log/kept-from.test.ts'],
  },
  {
    name: 'retention: appends go on in a segment that goes',
    file: 'engine/retention.ts',
    find: '    if (due.takesActive) this.#hooks.seal(hosted)\n',
    put: '',
    tests: [retention],
  },
  {
    name: 'retention: any clock is trusted',
    file: 'engine/clock-guard.ts',
    find: 'this.#aheadMs > Math.min(DAY_MS, retentionMs / 2)',
    put: 'this.#aheadMs > Number.MAX_SAFE_INTEGER',
    tests: [retention],
  },
  {
    name: 'retention: topics that compact alone lose records by time',
    file: 'engine/retention.ts',
    find: "config.cleanupPolicy === 'compact' ||",
    put: '',
    tests: [retention],
  },
  {
    name: 'log starts: committed readers wait for records that are deleted',
    file: 'log/partition/last-stable-offset.ts',
    find: 'Math.max(stable, this.#watermarks.logStartOffset)',
    put: 'stable',
    tests: ['engine/delete-records.test.ts'],
  },
  {
    name: 'log starts: told before they are durable',
    file: starts,
    find: '      const moved = ahead.slice(at, at + MOVES_AT_ONCE)\n',
    put: '      const moved = ahead.slice(at, at + MOVES_AT_ONCE)\n      for (const move of moved) this.#moved(move)\n',
    tests: [deletions, crashes],
  },
  {
    name: 'log starts: an opening believes the older one of checkpoint and catalogue',
    file: 'log/recovery/noted-partition.ts',
    find: 'const logStartOffset = Math.max(noted.logStartOffset, startOf(topic, noted.partition))',
    put: 'const logStartOffset = Math.min(noted.logStartOffset, startOf(topic, noted.partition))',
    tests: [deletions, crashes],
  },
  {
    name: 'log starts: deletions reach what nobody has seen',
    file: starts,
    find: 'beforeOffset > highWatermark) {',
    put: 'beforeOffset > highWatermark + 100) {',
    tests: [deletions],
  },
  {
    name: 'log starts: deletions in a topic that compacts',
    file: starts,
    find: "if (config.cleanupPolicy !== 'compact') return\n",
    put: "if (config.cleanupPolicy !== 'delete,compact') return\n",
    tests: [deletions],
  },
  {
    name: 'removal: of what no checkpoint notes as closed',
    file: removal,
    find: 'if (!files.isNotedClosed(first) || isBusy)',
    put: 'if (isBusy)',
    tests: ['log/store/remove-segments.test.ts', crashes],
  },
  {
    name: 'removal: of what is being read',
    file: removal,
    find: 'const isBusy = context.isInUse(first) || files.isSwapped(first)',
    put: 'const isBusy = files.isSwapped(first)',
    tests: ['log/store/remove-segments.test.ts', deletions],
  },
  {
    name: 'removal: the file goes in one piece',
    file: removal,
    find: 'const CUT_BYTES = 512 * 1024',
    put: 'const CUT_BYTES = 512 * 1024 * 1024 * 1024',
    tests: ['log/store/remove-segments.test.ts', deletions],
  },
  {
    name: 'share groups: deleted records stop their consumers',
    file: 'client/share/shared-records.ts',
    find: "LogError.is(part.error, 'OFFSET_OUT_OF_RANGE') && part.logStartOffset > nextOffset",
    put: "LogError.is(part?.error, 'OFFSET_OUT_OF_RANGE') && part.logStartOffset < 0",
    tests: ['client/share-consumer.test.ts'],
  },
  {
    name: 'share groups: what is deleted is delivered still',
    file: 'coordinator/share/share-groups.ts',
    find: '    shared.moveStart(at.logStartOffset)\n',
    put: '',
    tests: ['coordinator/share/deleted-records.test.ts'],
  },
  {
    name: 'retention and compaction end a log that has no memory for a partition which nobody uses',
    file: 'engine/topics.ts',
    find: "      if (!LogError.is(error, 'MEMORY_CAP_REACHED')) throw error\n",
    put: '      if (LogError.is(error)) throw error\n',
    tests: ['engine/upkeep-at-the-cap.test.ts'],
  },
]
