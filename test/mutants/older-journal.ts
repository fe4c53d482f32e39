import type { Mutant } from './mutant.ts'

const olderJournal = 'damage/older-journal.test.ts'

/** How partitions are told that are newer than journal and checkpoint (decision 029). */
export const OLDER_JOURNAL: readonly Mutant[] = [
  {
    name: 'clean open: a segment that a later close noted is overlooked',
    file: 'log/survey/newer-batches.ts',
    find: '    if (sizeBytes > 0) return',
    put: '    if (sizeBytes < 0) return',
    tests: [olderJournal],
  },
  {
    name: 'clean open: a table that goes on past its noted end is overlooked',
    file: 'log/survey/newer-batches.ts',
    find: 'if (!goesOn(context, file, last)) return undefined',
    put: 'if (file.size() > 0) return undefined',
    tests: [olderJournal],
  },
  {
    name: 'clean open: a later segment comes back that a killed recovery removed',
    file: 'log/stored-files/stored-files.ts',
    find: '    this.unproven = undefined\n    this.directoryChanged()\n',
    put: '    this.unproven = undefined\n',
    tests: ['log/recovery/removed-segment.test.ts'],
  },
  {
    name: 'verify: a partition that is newer than the checkpoint is as it should be',
    file: 'log/verify/verify-directory.ts',
    find: '  if (isLookedAt && header?.clean === true) yield* verifyEnd(common, directory, noted)\n',
    put: '',
    tests: [olderJournal],
  },
  {
    name: 'recovery: takes a batch of a producer that nobody had yet',
    file: 'log/recovery/partition-recovery.ts',
    find: 'batch.header.producerId >= this.#context.producerIdsEnd',
    put: 'batch.header.producerId === Number.POSITIVE_INFINITY',
    tests: [olderJournal],
  },
  {
    name: 'append: goes over what a later close noted',
    file: 'log/segment/segment-list.ts',
    find: 'if (active.file !== undefined && goesOn(this.#context, active.file, active)) throw newerSegment(active)',
    put: '',
    tests: [olderJournal],
  },
  {
    name: 'append: goes over what a later close noted once somebody has read there',
    file: 'log/segment/segment-list.ts',
    find: ' && active !== this.#unseenEnd && active.isReady',
    put: ' && active.isReady',
    tests: [olderJournal],
  },
  {
    name: 'clean open: a partition that a later close noted first is overlooked',
    file: 'log/recovery/clean-open.ts',
    find: '  partitions.push(...(yield* newerPartitions(input, topics, noted, damage)))\n',
    put: '',
    tests: [olderJournal],
  },
  {
    name: 'verify: a partition that the checkpoint does not know is as it should be',
    file: 'log/verify/verify-directory.ts',
    find: "noted !== undefined || (topics.liveById(topicId ?? '') !== undefined && !isOwn(topicId))",
    put: 'noted !== undefined',
    tests: [olderJournal],
  },
]
