import type { Mutant } from './mutant.ts'

const failed = 'log/store/failed-flush.test.ts'
const flushFailure = 'storage/flush-failure.test.ts'
const covers = 'storage/flush-covers.test.ts'
const noMoreFiles = 'simulation/no-more-files.heavy.test.ts'
const nodeFile = 'storage/drivers/node-fs/file.ts'

/** Of rule 10 in docs/durability.md: what failed for good ends the log, and ends it everywhere. */
export const FAILURES: readonly Mutant[] = [
  {
    name: 'a close waits half a minute for a commit that has no files to open',
    file: 'client/log.ts',
    find: '    this.#broker.closing?.()\n',
    put: '',
    tests: ['log/store/limits.test.ts'],
  },
  {
    name: 'a close counts who waits for files, not how long',
    file: 'log/store/pauses.ts',
    find: '    if (this.#underWay !== undefined) return this.#underWay\n',
    put: '',
    tests: ['log/store/pauses.test.ts'],
  },
  {
    name: 'failures: where the file system takes no more files the reserve keeps its own',
    file: 'log/store/disk-reserve.ts',
    find: "!LogError.is(error, 'STORAGE_FULL') || error.details['operation'] !== 'open'",
    put: 'LogError.is(error)',
    tests: [noMoreFiles],
  },
  {
    name: 'failures: files of the reserve that were not needed are not held again',
    file: 'log/store/disk-reserve.ts',
    find: '      yield* this.#makeFiles()\n      return done\n',
    put: '      return done\n',
    tests: [noMoreFiles],
  },
  {
    name: 'failures: without room for the reserve a log does not open',
    file: 'log/store/disk-reserve.ts',
    find: 'yield* unlessFull(this.#fill())',
    put: 'yield* this.#fill()',
    tests: [noMoreFiles, 'log/store/reserve-and-fence.test.ts'],
  },
  {
    name: 'failures: an index of aborted transactions that finds no room is a failure',
    file: 'log/segment/aborted-index.ts',
    find: "      if (!LogError.is(error, 'STORAGE_FULL')) throw error\n",
    put: '      throw error\n',
    tests: [noMoreFiles],
  },
  {
    name: 'failures: behind a batch that needs a new segment nothing is taken that fits',
    file: 'log/store/file-partition-store.ts',
    find: "      if (LogError.is(error, 'STORAGE_FULL')) files.rollAt = undefined\n",
    put: '',
    tests: [noMoreFiles],
  },
  {
    name: 'failures: a transaction that waits behind a refused batch does not end',
    file: 'engine/transacting.ts',
    find: " || LogError.is(error, 'STORAGE_FULL')\n",
    put: '\n',
    tests: [noMoreFiles],
  },
  {
    name: 'failures: where the file system takes no more files nobody can attach',
    file: 'entry/embedded/embedded-log.ts',
    find: "    if (!LogError.is(error, 'STORAGE_FULL')) throw error\n",
    put: '    throw error\n',
    tests: ['damage/limits.test.ts'],
  },
  {
    name: 'failures: a log that failed answers calls all the same',
    file: 'engine/engine.ts',
    find: '    this.#closed = failure\n',
    put: '',
    tests: [failed],
  },
  {
    name: 'failures: a write or flush that failed is an error like others',
    file: 'engine/final-error.ts',
    find: "!HARMLESS.includes(error.details['operation'])",
    put: "HARMLESS.includes(error.details['operation'])",
    tests: [failed],
  },
  {
    name: 'failures: what could not be read ends the log',
    file: 'engine/final-error.ts',
    find: " && !HARMLESS.includes(error.details['operation'])",
    put: '',
    tests: [failed],
  },
  {
    name: 'failures: the store forgets that a flush failed',
    file: 'log/store/availability.ts',
    find: "    this.#failure ??= LogError.is(error, 'KAFKA_STORAGE_ERROR', 'KERNEL_POISONED') ? error : storageFailed(error)\n    return this.#failure\n",
    put: "    return LogError.is(error, 'KAFKA_STORAGE_ERROR', 'KERNEL_POISONED') ? error : storageFailed(error)\n",
    tests: [failed],
  },
  {
    name: 'failures: a flush that failed is told to whoever asked first alone',
    file: 'storage/flush-failure.ts',
    find: '    this.#assertNone()\n    try {\n',
    put: '    try {\n',
    tests: [flushFailure, 'simulation/disk-errors.heavy.test.ts'],
  },
  {
    name: 'failures: a flush under way beside one that failed is believed',
    file: 'storage/flush-failure.ts',
    find: '        () => this.#assertNone(),\n',
    put: '        () => {},\n',
    tests: [flushFailure],
  },
  {
    name: 'failures: a flush is believed while another one of its file is under way',
    file: 'storage/flush-failure.ts',
    find: '    if (this.#underWay.size > 0) return Promise.all(this.#underWay).then(() => {})\n',
    put: '    return undefined\n',
    tests: [flushFailure],
  },
  {
    name: 'failures: flushes of files by which the ring grew count apart',
    file: 'log/store/store-parts.ts',
    find: '    this.unsparing = rememberFailedFlush(given, flushFailure)\n',
    put: '    this.unsparing = rememberFailedFlush(given)\n',
    tests: ['log/store/flushes-beside.test.ts'],
  },
  {
    name: 'failures: a flush that began before a write is taken for it',
    file: nodeFile,
    find: '      this.#flushing = undefined\n      this.#unflushedBytes += bytes.length\n',
    put: '      this.#unflushedBytes += bytes.length\n',
    tests: [covers],
  },
  {
    name: 'failures: a flush that began before a cut ended is taken for it',
    file: nodeFile,
    find: '        this.#flushing = undefined\n        this.#hasGrown = true\n        done(error)\n',
    put: '        done(error)\n',
    tests: [covers],
  },
  {
    name: 'failures: bytes that pass the cache by hide a flush that is under way',
    file: nodeFile,
    find: '      if (direct !== undefined) return direct\n',
    put: '      if (direct !== undefined) this.#flushing = undefined\n      if (direct !== undefined) return direct\n',
    tests: [covers],
  },
  {
    name: 'failures: a file system without room to remove a segment ends the log',
    file: 'log/store/remove-segments.ts',
    find: "return (yield* unlessFull(removeOne(context.store, files, files.leftovers))) ? 'more' : 'later'",
    put: "return (yield* removeOne(context.store, files, files.leftovers)) === undefined ? 'more' : 'later'",
    tests: ['log/store/full-removals.test.ts'],
  },
  {
    name: 'failures: the reserve is not for what a deleted topic leaves',
    file: 'log/store/partition-directories.ts',
    find: 'yield* reserve.guard(() => removeDirectory(store, files.directory))',
    put: 'yield* reserve.guardIf(false, () => removeDirectory(store, files.directory))',
    tests: ['log/store/full-removals.test.ts'],
  },
  {
    name: 'failures: a rewritten segment that finds no room for its place is forgotten',
    file: 'log/stored-files/segment-rewrite.ts',
    find: '    if (yield* unlessFull(finishSwap(context, files.directory, swap)))\n',
    put: '    yield* unlessFull(finishSwap(context, files.directory, swap))\n',
    tests: ['log/store/full-removals.test.ts'],
  },
  {
    name: 'failures: a close fails for want of room to remove what Kafka alone reads',
    file: 'log/store/producer-snapshots.ts',
    find: '  yield* unlessFull(removeStrays(store, files))\n',
    put: '  yield* removeStrays(store, files)\n',
    tests: ['log/store/full-removals.test.ts'],
  },
]
