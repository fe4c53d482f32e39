import { LogError } from '../../model/errors.ts'
import type { BackupTarget } from '../../storage/backup-target.ts'
import { letOthersRun, perform, type Task } from '../../storage/effect.ts'
import type { JournalHeader } from '../journal/header.ts'
import type { StoredFiles } from '../stored-files/stored-files.ts'
import type { BackupSource, CopiedPartition } from './backup-source.ts'
import { CopiedFiles } from './copied-files.ts'
import { assertEmpty, beginCopy, endCopy } from './copy-directory.ts'
import { placeJournal } from './create-journal.ts'

/** From the second one on nothing of the log goes away by itself. */
const ATTEMPTS = 5

/**
 * Backups under way. Each takes its moment behind a checkpoint and between two commits: what a commit decides is in its
 * segments by then, all of it or nothing.
 */
export class Backups {
  readonly #source: BackupSource
  readonly #running = new Set<Backup>()
  #isCommitting = false

  constructor(source: BackupSource) {
    this.#source = source
  }

  /** One waits for a checkpoint. */
  get areWaiting(): boolean {
    return [...this.#running].some(({ state }) => state === 'waiting')
  }

  /** What one of them still copies is to stay where it is. */
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

  /** Ends once those that waited have their moment: no other checkpoint comes before it. */
  *afterCheckpoint(checkpoint: () => Task<void>): Task<void> {
    const waiting = [...this.#running].filter(({ state }) => state === 'waiting')
    yield* checkpoint()
    for (const backup of waiting) backup.state = 'due'
    if (!this.#isCommitting) this.#takeMoments()
    while (waiting.some(({ state }) => state === 'due')) yield* letOthersRun()
  }

  commitBegins(): void {
    this.#isCommitting = true
  }

  commitEnded(): void {
    this.#isCommitting = false
    this.#takeMoments()
  }

  #takeMoments(): void {
    for (const backup of this.#running) if (backup.state === 'due') backup.takeMoment()
  }
}

/**
 * A copy of the log as of one moment (docs/decisions/020-backup.md). What was found at it is copied beside everything else.
 * Where files went away meanwhile, a topic or old segments, another moment is taken, and what was copied of the others stays. For that
 * little that is left then nothing more goes away: a log whose topics come and go would have none that lasts.
 */
class Backup {
  readonly #source: BackupSource
  readonly #target: BackupTarget
  readonly #header: JournalHeader
  #moment: readonly CopiedPartition[] = []
  #producerIdsEnd = 0
  /** It waits for a checkpoint, then for the end of a commit. */
  state: 'copying' | 'waiting' | 'due' = 'copying'
  needsFiles = false
  #failure: unknown

  constructor(source: BackupSource, target: BackupTarget, header: JournalHeader) {
    this.#source = source
    this.#target = target
    this.#header = header
  }

  /** All at once: neither a transaction nor an offset with its records can be torn. A failure is the backup's alone. */
  takeMoment(): void {
    this.state = 'copying'
    try {
      const partitions = [...this.#source.partitions.values()]
      for (const { segments } of partitions) if (segments.hasWaiting) segments.writeOut()
      const records = this.#source.checkpointer.presentRecords(partitions)
      this.#producerIdsEnd = this.#source.producerIdsEnd()
      this.#moment = partitions.flatMap((files, index) => {
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
      yield* placeJournal(store, this.#source.kernel, this.#source.options, facts, records)
      yield* endCopy(store)
    } catch (error) {
      // Files that a closing log took away say less than that it closed.
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
    throw copied.missing ?? new LogError('COPY_UNFINISHED', message, { attempts: ATTEMPTS })
  }

  *#nextMoment() {
    this.state = 'waiting'
    // Read by others only while this task waits.
    while ((this.state as string) !== 'copying') {
      this.#source.assertOpen()
      yield* letOthersRun()
    }
    if (this.#failure !== undefined) throw this.#failure
    const { generation, leaderEpoch } = this.#header
    return { facts: { generation, leaderEpoch, producerIdsEnd: this.#producerIdsEnd }, partitions: this.#moment }
  }
}

/** Recovery goes on in the segment that the checkpoint notes as active: those before it are never written again. */
function segmentsOf({ segments, notedActiveBase }: StoredFiles): CopiedPartition['segments'] {
  return segments.all.map((segment) => {
    return { segment, sizeBytes: segment.sizeBytes, mayLink: segment.baseOffset < notedActiveBase }
  })
}
