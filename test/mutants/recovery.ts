import type { Mutant } from './mutant.ts'

const crashes = 'simulation/crash-points.heavy.test.ts'
const points = 'simulation/engine.heavy.test.ts'
const recovery = 'log/recovery/unclean-recovery.ts'
const partition = 'log/recovery/partition-recovery.ts'
const replay = 'log/recovery/frame-replay.ts'
const end = 'log/recovery/recovered-end.ts'
const tailCut = 'log/recovery/tail-cut.ts'
const commit = 'log/store/group-commit.ts'

export const RECOVERY: readonly Mutant[] = [
  {
    name: 'recovery: the incomplete sector is not put back',
    file: partition,
    find: '    writeFully(file, sector, start)\n',
    put: '',
    tests: [crashes, points],
  },
  {
    name: 'recovery: batches that no frame names are cut',
    file: partition,
    find: "      recoveryMarks.hit('further-batch-kept')\n",
    put: "      if (batch.header.baseOffset >= 0) return\n      recoveryMarks.hit('further-batch-kept')\n",
    tests: [crashes],
  },
  {
    name: 'recovery: what follows the first bad batch stays',
    file: tailCut,
    find: '    file.truncate(active.sizeBytes)\n',
    put: '',
    tests: ['damage/behind-the-end.test.ts'],
  },
  {
    name: 'recovery: goes on at the end instead of the ceiling',
    file: partition,
    find: '      files.nextOffset = this.#ceiling\n',
    put: '',
    tests: ['guarantees/1-what-a-broker-guarantees.test.ts', crashes, points],
  },
  {
    name: 'recovery: a roll is not done again',
    file: replay,
    find: 'if (segmentBaseOffset === this.#files.nextOffset) yield* this.#end.roll()\n',
    put: 'if (segmentBaseOffset === this.#files.nextOffset) return\n',
    tests: [crashes],
  },
  {
    name: 'recovery: extents are taken without their checksum',
    file: replay,
    find: "if (checksum !== entry.crc) this.#end.damaged(active.logPath, entry.position, entry.baseOffset, 'bad-crc')",
    put: "if (checksum === -1) this.#end.damaged(active.logPath, entry.position, entry.baseOffset, 'bad-crc')",
    tests: ['simulation/extent-neighbours.test.ts'],
  },
  {
    name: "recovery: an extent's shared sectors stay as they are",
    file: replay,
    find: '    writeFully(file, entry.partialSector, end - entry.partialSector.length)\n',
    put: '',
    tests: [crashes, points],
  },
  {
    name: 'recovery: producers are not learned from what it replays',
    file: end,
    find: '    this.producers.learn(header)\n',
    put: '',
    tests: [points],
  },
  {
    name: 'recovery: the epoch of a batch that no frame names is not looked at',
    file: partition,
    find: '      if (batch.header.partitionLeaderEpoch !== this.#context.leaderEpoch) return\n',
    put: '',
    tests: ['damage/bit-flips.heavy.test.ts', points],
  },
  {
    name: 'recovery: the leader epoch stays',
    file: recovery,
    find: 'Math.max(this.#header.leaderEpoch, this.#checkpoint.leaderEpoch) + 1\n',
    put: 'Math.max(this.#header.leaderEpoch, this.#checkpoint.leaderEpoch)\n',
    tests: ['storage/partition-store.test.ts'],
  },
  {
    name: 'recovery: ids that frames reserved are given again',
    file: 'log/recovery/frame-entries.ts',
    find: "if (entry.kind === 'producerIds') this.#producerIdsEnd = Math.max(this.#producerIdsEnd, entry.end)",
    put: "if (entry.kind === 'producerIds') this.#producerIdsEnd = Math.min(this.#producerIdsEnd, entry.end)",
    tests: ['storage/partition-store.test.ts'],
  },
  {
    name: 'recovery: a frame that is missing is overlooked',
    file: recovery,
    find: '    return this.#scan.gapAt !== undefined\n',
    put: '    return this.#scan.gapAt === -1\n',
    tests: ['salvage/swaps.test.ts'],
  },
  {
    name: 'commit: extents are not synced before their frame',
    file: commit,
    find: '    if (extents.length > 0) yield* this.#syncExtents(extents)\n',
    put: '',
    tests: [crashes],
  },
  {
    name: 'commit: what waits is not written before it is synced as an extent',
    file: commit,
    find: '    for (const { files } of extents) yield* this.#writeOut(files)\n',
    put: '',
    tests: [crashes],
  },
  {
    name: 'commit: what waits is not written before the frame copies it from the file',
    file: commit,
    find: '      yield* this.#writeOut(files)\n',
    put: '',
    tests: ['storage/partition-store.test.ts'],
  },
  {
    name: 'commit: what waits stays in memory when no commit follows',
    file: 'engine/engine.ts',
    find: ' || this.#hasUnwritten\n',
    put: '\n',
    tests: ['log/store/waiting-writes.test.ts'],
  },
  {
    name: 'append: of a transaction is answered before it is written',
    file: 'engine/appending.ts',
    find: '      return unwritten.add(hosted, answer)\n',
    put: '',
    tests: ['log/store/waiting-writes.test.ts'],
  },
  {
    name: 'append: of a transaction is shown before it is written',
    file: 'engine/appending.ts',
    find: '      if (!duplicate) hosted.partition.watermarks.unwritten(baseOffset)\n',
    put: '',
    tests: ['log/store/waiting-writes.test.ts'],
  },
  {
    name: 'checkpoint: segments are not synced',
    file: 'log/store/checkpointer.ts',
    find: '      yield* this.#sync(noted)\n',
    put: '',
    tests: [crashes, points],
  },
  {
    name: 'checkpoint: directories are not synced',
    file: 'log/store/checkpointer.ts',
    find: 'yield* sideBySide([syncFiles(this.#files, paths, noted.length), ...directories], 1 + directories.length)',
    put: 'yield* sideBySide([syncFiles(this.#files, paths, noted.length)], 1 + directories.length)',
    tests: [crashes, points],
  },
  {
    name: 'ring: frames are reused that no checkpoint covers',
    file: 'log/journal/ring.ts',
    find: 'return file.newestSequence <= this.#releasedSequence',
    put: 'return file.newestSequence <= this.#releasedSequence + 1',
    tests: ['log/journal/ring.test.ts'],
  },
  {
    name: 'header: another generation is no reason to end',
    file: 'log/journal/journal.ts',
    find: 'if (header?.generation === this.#header.generation) return',
    put: 'if (header?.generation !== -1) return',
    tests: ['log/store/reserve-and-fence.test.ts'],
  },
  {
    name: 'recovery: what stands behind the end of a segment that it closes stays',
    file: end,
    find: "    yield* this.tail.cutActive()\n    recoveryMarks.hit('roll-again')\n",
    put: "    recoveryMarks.hit('roll-again')\n",
    tests: ['damage/behind-the-end.test.ts'],
  },
  {
    name: 'recovery: a clean open looks for no segment',
    file: 'log/recovery/clean-open.ts',
    find: '    if (!files.readOnly) yield* findMissing(input, files, damage)\n',
    put: '',
    tests: ['damage/vanished.test.ts'],
  },
  {
    name: 'recovery: a partition that no frame names is untouched without some of its segments',
    file: recovery,
    find: '    if (missingSegments(files, names).length > 0) return false\n',
    put: '',
    tests: ['damage/vanished.test.ts'],
  },
  {
    name: 'recovery: frames behind a noted segment that is gone are passed over',
    file: partition,
    find: 'if (entries.some((each) => this.#isNew(each)))',
    put: 'if (entries.length < 0)',
    tests: ['damage/vanished.test.ts'],
  },
  {
    name: 'lock: a directory that was taken away is still its own',
    file: 'storage/drivers/node-fs/lock.ts',
    find: '      if (isHeld && !isInPlace(root, identity)) throw lost(root)\n',
    put: '',
    tests: ['storage/directory-lost.test.ts'],
  },
  {
    name: 'checkpoint: where a read-only partition is damaged is forgotten',
    file: 'log/store/checkpointer.ts',
    find: '        damage: files.damage,\n',
    put: '',
    tests: ['simulation/read-only.test.ts'],
  },
]
