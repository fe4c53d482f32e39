import { LogError } from '../../model/errors.ts'
import type { BackupTarget } from '../../storage/backup-target.ts'
import { letOthersRun, perform, type Task } from '../../storage/effect.ts'
import type { JournalHeader } from '../journal/header.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import type { BackupPartition, BackupSource } from './backup-source.ts'
import { CopiedFiles } from './copied-files.ts'
import { placeJournal } from './create-journal.ts'
import { assertEmpty, beginCopy, endCopy } from './unfinished-copy.ts'

/** From the second attempt on, nothing in the log is removed while the backup copies. */
const ATTEMPTS = 5

/**
 * Backups under way. Each takes its moment after a checkpoint and between two commits, when all that the last commit
 * decided is in its segments: so the copy has all of a transaction or none of it.
 */
export class Backups {
  readonly #source: BackupSource
  readonly #running = new Set<Backup>()
  #isCommitting = false

  constructor(source: BackupSource) {
    this.#source = source
  }

  /** Whether a backup waits for a checkpoint. */
  get areWaiting(): boolean {
    return [...this.#running].some(({ state }) => state === 'waiting')
  }

  /** Whether files that a backup still copies must stay where they are. */
  get needFiles(): boolean {
    return [...this.#running].some(({ needsFiles }) => needsFiles)
  }

  *run(target: BackupTarget, header: JournalHeader): Task<void> {
    const backup = new Backup(this.#source, target, header)
    this.#running.add(backup)
    try {
      yield* backup.run()
    } finally {
      this.#running.delete(backup)
    }
  }

  /** Ends once those that waited have taken their moment: the next checkpoint comes later. */
  *afterCheckpoint(checkpoint: () => Task<void>): Task<void> {
    const waiting = [...this.#running].filter(({ state }) => state === 'waiting')
    yield* checkpoint()
    for (const backup of waiting) backup.state = 'due'
    if (!this.#isCommitting) yield* this.#takeMoments()
    while (waiting.some(({ state }) => state === 'due')) yield* letOthersRun()
  }

  commitBegins(): void {
    this.#isCommitting = true
  }

  *commitEnded(): Task<void> {
    this.#isCommitting = false
    yield* this.#takeMoments()
  }

  /** In the turn in which all that waited is in its files. Where a commit began meanwhile, the end of that one is it. */
  *#takeMoments(): Task<void> {
    if (![...this.#running].some(({ state }) => state === 'due')) return
    yield* this.#source.writeOut()
    if (this.#isCommitting) return
    for (const backup of this.#running) if (backup.state === 'due') backup.takeMoment()
  }
}

/**
 * A copy of the log as of one moment (docs/decisions/020-backup.md). It is made beside everything else. If files were
 * removed meanwhile, with a topic or old segments, the backup takes another moment; what is copied already stays. From
 * then on nothing is removed while the little that is left is copied: else a log whose topics come and go would never
 * get a backup.
 */
class Backup {
  readonly #source: BackupSource
  readonly #target: BackupTarget
  readonly #header: JournalHeader
  #toCopy: readonly BackupPartition[] = []
  #producerIdsEnd = 0
  /** `waiting` for a checkpoint, then `due` at the end of a commit. */
  state: 'copying' | 'waiting' | 'due' = 'copying'
  needsFiles = false
  #failure: unknown

  constructor(source: BackupSource, target: BackupTarget, header: JournalHeader) {
    this.#source = source
    this.#target = target
    this.#header = header
  }

  /**
   * Takes the moment of all partitions at once, so that no transaction is torn apart, nor an offset from its records.
   * If this fails, only the backup does.
   */
  takeMoment(): void {
    this.state = 'copying'
    try {
      const partitions = [...this.#source.partitions.values()]
      const records = this.#source.checkpointer.presentRecords(partitions)
      this.#producerIdsEnd = this.#source.producerIdsEnd()
      this.#toCopy = partitions.flatMap((files, index) => {
        const record = records[index]
        return record === undefined ? [] : [{ files, record, segments: segmentsOf(files) }]
      })
    } catch (error) {
      this.#failure = error
    }
  }

  *run(): Task<void> {
    const { store } = this.#target
    yield* assertEmpty(store)
    const lock = yield* perform('lock', '', () => store.lock())
    try {
      yield* beginCopy(store)
      const { facts, records } = yield* this.#copy()
      yield* placeJournal({ ...this.#source, store }, facts, records)
      yield* endCopy(store)
    } catch (error) {
      // A closing log removes files: that it is closed says more than that they are missing.
      this.#source.assertOpen()
      throw error
    } finally {
      this.state = 'copying'
      this.needsFiles = false
      yield* perform('lock', '', () => lock.release())
    }
  }

  *#copy() {
    const copied = new CopiedFiles(this.#source, this.#target)
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const { facts, partitions } = yield* this.#nextMoment()
      const records = yield* copied.take(partitions)
      if (records !== undefined) return { facts, records }
      this.needsFiles = true
    }
    const message = `files of the log went away during each of ${ATTEMPTS} attempts to copy it`
    const { directory } = this.#target.store
    throw copied.missing ?? new LogError('COPY_UNFINISHED', message, { directory, attempts: ATTEMPTS })
  }

  *#nextMoment() {
    this.state = 'waiting'
    // Others read it only while this task waits.
    while ((this.state as string) !== 'copying') {
      this.#source.assertOpen()
      yield* letOthersRun()
    }
    if (this.#failure !== undefined) throw this.#failure
    const { generation, leaderEpoch } = this.#header
    return { facts: { generation, leaderEpoch, producerIdsEnd: this.#producerIdsEnd }, partitions: this.#toCopy }
  }
}

/**
 * Segments before the one that the checkpoint notes as active are never written again: recovery goes on in that one.
 */
function segmentsOf({ segments, notedActiveBase }: StoredFiles): BackupPartition['segments'] {
  return segments.all.map((segment) => {
    return { segment, sizeBytes: segment.sizeBytes, mayLink: segment.baseOffset < notedActiveBase }
  })
}
