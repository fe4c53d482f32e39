import type { Mutant } from './mutant.ts'

const whileLoading = 'log/store/written-while-loading.test.ts'

/** Files that are open or being opened, whose they are, and what waits to be written to them. */
export const OPEN_FILES: readonly Mutant[] = [
  {
    name: 'who unpins a file unpins whatever has its name by now',
    file: 'log/segment/file-cache.ts',
    find: 'if (entry?.file === file && entry.pins > 0)',
    put: 'if (entry !== undefined && entry.pins > 0)',
    tests: ['log/segment/file-cache.test.ts'],
  },
  {
    name: 'recovery: an attempt that found the disk full keeps the memory of its indexes',
    file: 'log/recovery/unclean-recovery.ts',
    find: '      this.#partitions.release()\n',
    put: '',
    tests: ['log/store/recovery-memory.test.ts'],
  },
  {
    name: 'a file whose open takes until all are closed stays open',
    file: 'log/segment/file-cache.ts',
    find: '    this.#opening.clear()\n',
    put: '',
    tests: ['log/segment/file-cache.test.ts'],
  },
  {
    name: 'a file is opened once all are closed',
    file: 'log/segment/file-cache.ts',
    find: "    if (this.#isClosed) throw new LogError('LOG_CLOSED', 'the log is closed', { file: path })\n",
    put: '',
    tests: ['log/segment/file-cache.test.ts'],
  },
  {
    name: 'a log that ended gives up its lock while a thread still writes to its journal',
    file: 'log/store/release-store.ts',
    find: '    if (journal !== undefined) yield* journal.written()\n',
    put: '',
    tests: ['log/store/lock-released.test.ts'],
  },
  {
    name: 'who opens a segment that is dropped meanwhile closes whatever has its name',
    file: 'log/segment/segment.ts',
    find: 'this.#context.files.closeUnowned(this.logPath)',
    put: 'this.#context.files.close(this.logPath)',
    tests: ['log/store/removed-files.test.ts'],
  },
  {
    name: 'a read on a full disk has no share of the reserve for a decision that came to wait meanwhile',
    file: 'log/store/stored-reads.ts',
    find: '      yield* this.#writeOut(segments)\n      return yield* work()\n',
    put: '      throw error\n',
    tests: [whileLoading],
  },
  {
    name: 'an index that is loaded ends before a decision that came to wait meanwhile',
    file: 'log/segment/segment.ts',
    find: '    this.writeOut()\n    return this.sizeBytes\n',
    put: '    return this.sizeBytes\n',
    tests: [whileLoading],
  },
  {
    name: 'a look-up by time on a full disk has no share of the reserve for what waits to be written',
    file: 'log/store/stored-reads.ts',
    find: 'this.afterWriteOut(segments, () => segments.seekTimestamp(timestamp))',
    put: 'segments.seekTimestamp(timestamp)',
    tests: ['log/store/write-buffers.test.ts'],
  },
  {
    name: 'backup: on a full disk what waits to be written has no share of the reserve',
    file: 'log/store/store-parts.ts',
    find: '() => reserve.guardWriteOut(() => writeBuffers.writeOut())',
    put: 'function* () {\n      writeBuffers.writeOut()\n    }',
    tests: ['log/store/backup-moment.test.ts'],
  },
  {
    name: 'a file that a read opens while its topic is deleted stays open under its name',
    file: 'log/store/partition-directories.ts',
    find: '    files.segments.release()\n    this.#giveUp(files)\n',
    put: '    this.#giveUp(files)\n',
    tests: ['log/store/removed-files.test.ts'],
  },
  {
    name: 'files: a direct write that is refused closes the descriptor of one on another thread',
    file: 'storage/drivers/node-fs/direct-writes.ts',
    find: 'if (!this.#isWriting) this.close()',
    put: 'this.close()',
    tests: ['storage/direct-writes.test.ts'],
  },
]
