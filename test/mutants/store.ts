import type { Mutant } from './mutant.ts'

const borrowed = 'client/borrowed-sends.test.ts'
const markedRoot = 'storage/marked-root.test.ts'
const partition = 'log/partition/partition.ts'
const ring = 'log/journal/ring.ts'
const ringInUse = 'log/journal/ring-in-use.test.ts'
const reserveAndFence = 'log/store/reserve-and-fence.test.ts'

export const STORE: readonly Mutant[] = [
  {
    name: "another opening's generation is overlooked",
    file: 'log/journal/journal.ts',
    find: '    if (header?.generation === this.#header.generation) return\n',
    put: '    if (header !== undefined) return\n',
    tests: [reserveAndFence],
  },
  {
    name: 'large frames leave small ones no room',
    file: 'log/journal/ring.ts',
    find: '    return free > AMPLE_FILES\n',
    put: '    return free >= 0\n',
    tests: ['log/journal/ring.test.ts', 'log/store/large-frames.test.ts'],
  },
  {
    name: 'a ring that grows takes frames in files that are not durable',
    file: 'log/journal/ring.ts',
    find: '      yield* performAll([...flushes, directorySync(this.#store, JOURNAL_DIRECTORY), ...beside])\n      this.#files.push(...made)\n',
    put: '      this.#files.push(...made)\n      yield* performAll([...flushes, directorySync(this.#store, JOURNAL_DIRECTORY), ...beside])\n',
    tests: ['log/journal/ring.test.ts'],
  },
  {
    name: 'the names of files that a ring grows by are not durable',
    file: 'log/journal/ring.ts',
    find: '[...flushes, directorySync(this.#store, JOURNAL_DIRECTORY), ...beside]',
    put: '[...flushes, ...beside]',
    tests: ['log/journal/ring.test.ts'],
  },
  {
    name: 'the name of a segment that a roll begins is taken for durable',
    file: 'log/stored-files/stored-files.ts',
    find: '    yield* this.segments.roll(baseOffset)\n    this.directoryChanged()\n',
    put: '    yield* this.segments.roll(baseOffset)\n',
    tests: ['log/stored-files/stored-files.test.ts'],
  },
  {
    name: 'an index of aborted transactions keeps what stood in its file behind its entries',
    file: 'log/segment/aborted-index.ts',
    find: '      file.truncate(entryCount * ABORTED_ENTRY_BYTES)\n',
    put: '',
    tests: ['log/segment/aborted.test.ts'],
  },
  {
    name: 'a full disk gives up no reserve',
    file: 'log/store/disk-reserve.ts',
    find: '      yield* this.#release(0)\n      return yield* this.#guardFiles(work)\n',
    put: '      throw error\n',
    tests: [reserveAndFence],
  },
  {
    name: 'headers that can be gone through once are lost after a first send',
    file: 'client/record-fields.ts',
    find: '{ ...copy, headers }\n',
    put: '{ ...copy, headers: headers && record.headers }\n',
    tests: ['damage/odd-values.test.ts', 'process/outputs.test.ts'],
  },
  {
    name: 'recovery: elder copies of the checkpoint go before the new one is durable',
    file: 'log/recovery/unclean-recovery.ts',
    find: `    yield* performAll([...files.map(flushOf), ...directories.map((each) => directorySync(store, each))])
    if (copy !== undefined) yield* removeElderCopies(store, found, copy)
`,
    put: `    if (copy !== undefined) yield* removeElderCopies(store, found, copy)
    yield* performAll([...files.map(flushOf), ...directories.map((each) => directorySync(store, each))])
`,
    tests: ['log/recovery/not-durable-yet.test.ts'],
  },
  {
    name: 'open: the header of the last close is not flushed before the other slot is written',
    file: 'log/store/open-store.ts',
    find: 'const beside = clean ? [journal.headerFlush] : []',
    put: 'const beside = clean && isNew ? [journal.headerFlush] : []',
    tests: ['log/recovery/not-durable-yet.test.ts'],
  },
  {
    name: 'a file that has the name of a partition keeps an unclean open from its end',
    file: 'log/files/partition-directory.ts',
    find: '    if (!isNoDirectory(error)) throw error\n    return NO_DIRECTORY\n',
    put: '    throw error\n',
    tests: ['log/store/occupied-directories.test.ts'],
  },
  {
    name: 'what has the place of a partition is removed, whosever it is',
    file: 'log/store/create-partition.ts',
    find: '  if (yield* holdsBatches(store, directory)) return yield* makeStray(store, directory)\n',
    put: '',
    tests: ['log/store/occupied-directories.test.ts'],
  },
  {
    name: 'a partition takes foreign files along when it is removed',
    file: 'log/files/partition-directory.ts',
    find: 'const own = names.filter(isPartitionFile)',
    put: 'const own = names',
    tests: ['log/store/occupied-directories.test.ts'],
  },
  {
    name: 'an unclean open removes what has a partition’s name alone',
    file: 'log/recovery/dead-directories.ts',
    find: '    if (names.length > 0 && !names.some(isPartitionFile)) continue\n',
    put: '',
    tests: ['log/store/occupied-directories.test.ts'],
  },
  {
    name: 'a stray directory gets a name that is too long for a store',
    file: 'log/files/stray-directory.ts',
    find: 'directory.slice(0, NAME_CHARS_MAX - suffix.length)',
    put: 'directory',
    tests: ['log/store/occupied-directories.test.ts'],
  },
  {
    name: 'an unclean open removes copies of partitions',
    file: 'log/recovery/dead-directories.ts',
    find: 'topics.byId(topicId)?.name === parsed.topic',
    put: 'topics.byId(topicId) !== undefined',
    tests: ['log/store/occupied-directories.test.ts'],
  },
  {
    name: 'a copy of a partition is taken for the other spelling of its name',
    file: 'log/store/partition-directories.ts',
    find: 'return other?.toLowerCase() === directory.toLowerCase()',
    put: 'return other !== undefined',
    tests: ['log/store/occupied-directories.test.ts'],
  },
  {
    name: 'ring: a refused open removes files',
    file: ring,
    find: '    if (files.length === 0 && needsFiles) throw noFirstFile',
    put: '    for (const index of strays) yield* perform("remove", ringFile(index), () => store.remove(ringFile(index)))\n    if (files.length === 0 && needsFiles) throw noFirstFile',
    tests: ['log/journal/ring-made-anew.test.ts'],
  },
  {
    name: 'ring: a later file stands for the second one',
    file: ring,
    find: '    const indexes = Array.from({ length: fileCount }, (_, index) => index).filter(missing)\n',
    put: '    const indexes = Array.from({ length: fileCount }, (_, index) => index).filter(missing).slice(0, fileCount - this.#files.length)\n',
    tests: [ringInUse],
  },
  {
    name: 'ring: what a killed open made is taken unflushed',
    file: ring,
    find: '    this.#unproven = files.slice(1)\n',
    put: '    this.#unproven = []\n',
    tests: [ringInUse],
  },
  {
    name: 'a directory for a copy has its name before its mark',
    file: 'storage/drivers/node-fs/marked-root.ts',
    find: '    makeBeside(beside)\n',
    put: '    makeBeside(root)\n    makeBeside(beside)\n',
    tests: [markedRoot],
  },
  {
    name: 'a directory for a copy never gets its name',
    file: 'storage/drivers/node-fs/marked-root.ts',
    find: '    fs.renameSync(beside, root)\n',
    put: '',
    tests: [markedRoot],
  },
  {
    name: 'a batch is begun while another one is being encoded',
    file: partition,
    find: '    if (this.#kernel.batchBuilder.isOpen) throw changedWhileRead(this.id)\n',
    put: '',
    tests: [borrowed],
  },
  {
    name: 'a batch whose number of records changed while it was read is written',
    file: partition,
    find: '    if (recordCount !== expectedCount) throw changedWhileRead(this.id)\n',
    put: '',
    tests: [borrowed],
  },
  {
    name: 'an unclean open removes a copy that somebody put back of a deleted topic',
    file: 'log/recovery/dead-directories.ts',
    find: 'const isLeft = isItsName && mayBeLeft(topicId, parsed.partition)',
    put: 'const isLeft = isItsName',
    tests: ['log/store/occupied-directories.test.ts'],
  },
  {
    name: 'the slot of the header that a recovery read is not durable before it writes the other one',
    file: 'log/recovery/unclean-recovery.ts',
    find: 'const files = [copy?.file, restated?.file, headerFile].filter',
    put: 'const files = [copy?.file, restated?.file].filter',
    tests: ['simulation/crash-points.heavy.test.ts'],
  },
  {
    name: 'what a crash left of a topic that frames delete becomes stray',
    file: 'log/recovery/unclean-recovery.ts',
    find: 'deleted.has(topicId) || isKnown(topicId, partition)',
    put: 'isKnown(topicId, partition)',
    tests: ['storage/partition-store.test.ts'],
  },
  {
    name: 'what a crash left of a deleted topic that the checkpoint notes becomes stray',
    file: 'log/recovery/unclean-recovery.ts',
    find: 'deleted.has(topicId) || isKnown(topicId, partition)',
    put: 'deleted.has(topicId)',
    tests: ['storage/partition-store.test.ts'],
  },
  {
    name: 'a file in the place of a partition keeps the log shut',
    file: 'log/files/partition-directory.ts',
    find: "    if (!isNoDirectory(error, ['ENOTDIR'])) throw error\n    return undefined\n",
    put: '    throw error\n',
    tests: ['log/store/occupied-directories.test.ts'],
  },
  {
    name: 'an unclean open leaves a file in the place of a partition',
    file: 'log/recovery/dead-directories.ts',
    find: 'if (topicId === NO_DIRECTORY && (yield* partitionNames(store, name)) === undefined) {',
    put: "if (topicId === '' && (yield* partitionNames(store, name)) === undefined) {",
    tests: ['log/store/occupied-directories.test.ts'],
  },
  {
    name: 'verify ends at a file in the place of a partition',
    file: 'log/verify/partition-places.ts',
    find: 'if (topicId === NO_DIRECTORY && (yield* partitionNames(store, directory)) === undefined) {',
    put: "if (topicId === '' && (yield* partitionNames(store, directory)) === undefined) {",
    tests: ['log/store/occupied-directories.test.ts'],
  },
  {
    name: 'a look at the files can not show what an open renames',
    file: 'entry/embedded/directory-image.ts',
    find: '    } else this.#renameFile(from, to)\n',
    put: '    } else if (this.#files.has(from)) this.#renameFile(from, to)\n',
    tests: ['cli/directory-image.test.ts'],
  },
]
