import type { Task } from '../../storage/effect.ts'
import type { StoredState } from '../../storage/stored-state.ts'
import type { NewestHeader } from '../journal/header.ts'
import { Journal } from '../journal/journal.ts'
import { EarlierAttempts } from '../recovery/earlier-attempts.ts'
import type { Recovered } from '../recovery/recovered.ts'
import { readJournalHeader, recover } from '../recovery/recovery.ts'
import { SegmentConfigs } from '../recovery/segment-configs.ts'
import { createJournal } from './create-journal.ts'
import { GroupCommit } from './group-commit.ts'
import { Maintenance } from './maintenance.ts'
import type { StoreParts } from './store-parts.ts'
import { storedState } from './stored-state.ts'
import { unlessPoisoned } from './unless-poisoned.ts'

/** What an open store writes with. */
export interface StoreWriters {
  readonly journal: Journal
  readonly commits: GroupCommit
  readonly maintenance: Maintenance
}

export interface OpenedStore {
  readonly state: StoredState
  /** `undefined`: the log is read-only. */
  readonly writers: StoreWriters | undefined
}

/**
 * From the files in a directory to a store that commits: a new journal, or recovery and what has to come before the
 * first acknowledgement. The caller has the lock. If it fails, the caller releases what `parts` have.
 */
export function* openStore(parts: StoreParts): Task<OpenedStore> {
  const found = yield* readJournalHeader(parts.store, parts.kernel)
  const isNew = found?.header === undefined
  const configs = new SegmentConfigs(parts.source)
  const recovered = isNew
    ? yield* createJournal(parts)
    : yield* recovery(parts, configs, { header: found.header, isNewest: found.isNewest })
  adopt(parts, recovered)
  const writers = recovered.readOnly ? undefined : yield* beginWriting(parts, recovered, isNew)
  configs.opened()
  return { state: storedState(recovered), writers }
}

function recovery(parts: StoreParts, configs: SegmentConfigs, found: NewestHeader): Task<Recovered> {
  const { store, kernel, cache: files, segments, options, reserve } = parts
  const earlier = new EarlierAttempts()
  const input = { store, kernel, files, segments, configs, observer: options.observer, earlier }
  return reserve.guard(() => recover(input, found))
}

function adopt({ partitions, directories, checkpoints, availability }: StoreParts, recovered: Recovered): void {
  for (const { stored, files } of recovered.partitions) {
    partitions.set(stored.id, files)
    directories.found(files)
  }
  checkpoints.recovered(recovered)
  if (recovered.readOnly) availability.lostFrame(recovered.damage[0])
}

/**
 * All of it comes before the first acknowledgement: after an unclean end a checkpoint of all that was recovered, then a
 * new header, unless the log is new and has just got one.
 */
function* beginWriting(parts: StoreParts, recovered: Recovered, isNew: boolean): Task<StoreWriters> {
  const { store, kernel, options, checkpoints } = parts
  const { clean, header } = recovered
  if (!clean) yield* checkpoints.writeRecovered(recovered)
  const state = {
    header: clean && !isNew ? { ...header, generation: header.generation + 1 } : header,
    coveredSequence: checkpoints.appliedSequence,
    needsRing: recovered.needsRing,
  }
  const journal = yield* Journal.open({ store, kernel, observer: options.observer }, state)
  try {
    yield* makeReady(parts, journal, clean, isNew)
  } catch (error) {
    unlessPoisoned(() => journal.free())
    journal.close()
    throw error
  }
  return { journal, ...writersTo(parts, journal) }
}

function* makeReady(parts: StoreParts, journal: Journal, clean: boolean, isNew: boolean): Task<void> {
  const { options, checkpoints, reserve } = parts
  // The last close removed all ring files but one, and only with the reserve held: so on a full disk the reserve makes
  // room for another.
  const beside = clean ? [journal.headerFlush] : []
  if (!isNew) yield* reserve.guard(() => journal.ring.grow(options.ringFiles, beside))
  if (!isNew) yield* journal.writeHeader({ clean: false, checkpointSequence: checkpoints.sequence })
  yield* reserve.restore()
}

function writersTo(parts: StoreParts, journal: Journal): Omit<StoreWriters, 'journal'> {
  const { store, unsparing, kernel, source, options, cache, segments, partitions, reserve } = parts
  const { checkpoints, backups, compactions, furtherRuns } = parts
  const shared = { store, options, reserve, journal }
  const commits = new GroupCommit({
    ...shared,
    ...{ kernel, cache, source, writeBuffers: segments.writeBuffers, observer: options.observer },
    partitions: (id) => parts.files(id),
  })
  return {
    commits,
    maintenance: new Maintenance({ ...shared, unsparing, partitions, checkpoints, backups, compactions, furtherRuns }),
  }
}
