import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Broker } from '../../broker/broker.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import { ensureTopics } from '../../client/admin/ensure-topics.ts'
import { BrokerLog, type Log } from '../../client/log.ts'
import { type Abortable, abortable, onlySignalOf, throwIfAborted } from '../../client/signals.ts'
import { Engine } from '../../engine/engine.ts'
import type { Channel } from '../../engine/remote/channel.ts'
import type { Listener } from '../../engine/remote/listener.ts'
import { attachTo, listenForAttached, SOCKET_FILE } from '../../engine/remote/local-socket.ts'
import { EmbeddedBroker } from '../../engine/sessions/embedded-broker.ts'
import type { JournalOptions } from '../../log/journal/journal.ts'
import { HEADER_FILE, RESERVED_FILES } from '../../log/journal/layout.ts'
import { PartitionFactory } from '../../log/partition/partition-factory.ts'
import { FilePartitionStore } from '../../log/store/file-partition-store.ts'
import { LogError } from '../../model/errors.ts'
import { waitMs } from '../../model/timers.ts'
import { AttachedDirectory } from '../../storage/drivers/node-fs/attached-directory.ts'
import { backupTarget } from '../../storage/drivers/node-fs/backup-target.ts'
import { storageError } from '../../storage/drivers/node-fs/errors.ts'
import { notedHolder } from '../../storage/drivers/node-fs/holder-note.ts'
import type { FileStore } from '../../storage/file-store.ts'
import type { Damage, RecoveryReport } from '../../storage/recovery-report.ts'
import { DirectoryImage } from './directory-image.ts'
import { type FileUrl, pathOf } from './directory-path.ts'
import { lockedStore } from './locked-store.ts'
import { kernelFor } from './node-kernel.ts'
import {
  checkedOptions,
  DEFAULT_CACHE_BYTES,
  DEFAULT_MEMORY_BYTES,
  type OpenOptions,
  requireDurability,
} from './open-options.ts'
import type { Held, HoldHooks } from './serving.ts'
import { SharedBroker } from './shared-broker.ts'
import { checkDriver, rowsOf, type StorageDriver } from './storage-driver.ts'
import { verifyFiles } from './verify-files.ts'

/** What only a log in the program's own process has. */
export interface EmbeddedLog extends Log {
  /**
   * What opening the log found: damage, what was replayed, what was set aside. In an attached process, what the
   * holder's opening found.
   */
  readonly recovery: RecoveryReport
  /**
   * `'holder'`: this process writes the files. `'attached'`: it works through the one that does, with the same
   * promises, and may become the holder when that one goes away.
   */
  readonly role: 'holder' | 'attached'
  /**
   * Copies the log into a directory that is empty or doesn't exist, while everything goes on. The copy is the log as of
   * one moment after the call: it has all that was acknowledged before, all or nothing of each transaction, and
   * committed offsets with the records before them. Opening it aborts the transactions that were open then. If source
   * and target lie in one file system, closed segments get a second name instead of a copy: they take no more space,
   * and damage to their sectors hits both. Resolves once the copy is durable. Until then, and after a crash or a
   * rejection, opening the copy rejects with COPY_UNFINISHED. The process that holds the log writes the copy, with its
   * own rights. A signal ends only the wait.
   *
   * Rejects with INVALID_REQUEST for a directory that isn't empty or lies in the log's, and for a log without files;
   * with DIRECTORY_IN_USE, STORAGE_FULL or KAFKA_STORAGE_ERROR by the target; with LOG_READ_ONLY; with CORRUPT_LOG if
   * files of the log are missing; with COPY_UNFINISHED if files were removed during five attempts; with
   * NETWORK_EXCEPTION if the holder went away; with LOG_CLOSED. A topic that is deleted near the end of a backup, and a
   * new one of that name, wait until the backup is over.
   */
  backup(directory: string | FileUrl, options?: Abortable): Promise<void>
  /**
   * Looks at every frame, checkpoint, batch and index of the log's files while everything goes on, and changes nothing,
   * as `oncelog verify` does. Resolves with every damaged place, in the order in which they were found; an empty list
   * means that all is whole. It reads the whole log as fast as the disk allows, at most 4 MiB in one turn of the event
   * loop. Where it finds damage it looks again, up to five times in all, and tells only what each look found: the rest
   * was a write under way. `salvage` copies the intact part of a damaged log.
   *
   * Rejects with INVALID_REQUEST for a log without files, KAFKA_STORAGE_ERROR if they can't be read,
   * UNSUPPORTED_VERSION, MEMORY_CAP_REACHED, LOG_CLOSED, and with the signal's reason.
   */
  verify(options?: Abortable): Promise<readonly Damage[]>
}

/** Offsets that an unclean end may leave unused in a partition with `acks: 1` (docs/durability.md, rule 5). */
const CEILING_BLOCK = 65_536
/** How much of an open transaction waits for the disk at most (durability rule 9). */
const TRANSACTION_BUFFER_BYTES = 1024 * 1024
/** The ring has 1 MiB at first, 8 MiB in use and 64 MiB at most, which bounds what a recovery replays. */
export const RING: JournalOptions = { ringFileBytes: 512 * 1024, ringFiles: 2, ringFilesUsual: 16, ringFilesMax: 128 }
/** With 128 files of the ring and what the program itself has open: within 512. */
const OPEN_FILES_MAX = 320
/** The broker that a log works through, and what only an embedded one has. */
interface Opened extends Broker {
  readonly recovery: RecoveryReport
  readonly role: 'holder' | 'attached'
  /** Settles as what an opening ends by, unless a holder elsewhere falls silent meanwhile. */
  opening?<T>(work: Promise<T>): Promise<T>
  /** As `whileAnswered` of Broker, for work of a program that does nothing else with the log: the log is over then. */
  command?<T>(work: Promise<T>): Promise<T>
}

class OpenedLog extends BrokerLog implements EmbeddedLog {
  readonly #opened: Opened
  readonly #port: RuntimePort
  readonly #files: FilesToVerify

  constructor(opened: Opened, port: RuntimePort, files: FilesToVerify) {
    super(opened, port)
    this.#opened = opened
    this.#port = port
    this.#files = files
  }

  static command<T>(log: EmbeddedLog, work: Promise<T>): Promise<T> {
    const command = log instanceof OpenedLog ? log.#opened.command?.(work) : undefined
    return command ?? work
  }

  get recovery(): RecoveryReport {
    return this.#opened.recovery
  }

  get role(): 'holder' | 'attached' {
    return this.#opened.role
  }

  async backup(directory: string | FileUrl, options: Abortable = {}): Promise<void> {
    const path = pathOf(directory)
    const signal = onlySignalOf(options, 'backup')
    throwIfAborted(signal)
    await abortable(this.#opened.admin.backup(path), signal)
  }

  async verify(options: Abortable = {}): Promise<readonly Damage[]> {
    const signal = onlySignalOf(options, 'verify')
    throwIfAborted(signal)
    // Whatever it answers, calls get LOG_CLOSED.
    await abortable(this.#opened.admin.listTopics({ internal: true }), signal)
    const store = this.#files
    if (store === undefined) {
      throw new LogError('INVALID_REQUEST', 'the log keeps no files: verify it with what its storage has for that', {
        argument: 'driver',
      })
    }
    return (await verifyFiles({ store, port: this.#port, signal })).damage
  }
}

/**
 * Settles as `work` on the log does. Where its holder gives no sign of life any more it rejects with an error that names
 * the holder, and what else is under way ends too. Not a method, as programs go on with their log.
 */
export function command<T>(log: EmbeddedLog, work: Promise<T>): Promise<T> {
  return OpenedLog.command(log, work)
}

/** Gives the log's files for another read; `undefined` for a log without files. */
type FilesToVerify = (() => FileStore) | undefined

/** A log over storage of this process alone. */
export async function openLog(driver: StorageDriver, port: RuntimePort, given: OpenOptions = {}): Promise<EmbeddedLog> {
  checkDriver(driver)
  const options = checkedOptions(given)
  if (typeof driver !== 'function') requireDurability(driver.capabilities, options.requireDurability)
  const { broker, recovery } = await openHeld(driver, port, options)
  const files = typeof driver === 'function' ? undefined : () => driver
  return finishOpening(Object.assign(broker, { recovery, role: 'holder' as const }), port, options, files)
}

/** A log in a directory, which other processes may have open too. `storeOf` gives a new store for each attempt. */
export async function openShared(
  directory: string,
  storeOf: () => FileStore,
  port: RuntimePort,
  given: OpenOptions = {},
): Promise<EmbeddedLog> {
  const options = checkedOptions(given)
  requireDurability(storeOf().capabilities, options.requireDurability)
  await port.ready?.()
  const attachedTo = new AttachedDirectory(directory, HEADER_FILE)
  const shared = new SharedBroker({
    meeting: {
      attach: () => attachedTo.through(() => attachTo(directory)),
      listen: (attached) => listen(directory, attached),
      heldBy: () => notedHolder(directory),
      leave: () => attachedTo.leave(),
    },
    port,
    exclusive: options.exclusive === true,
    hold: async (hooks) => {
      attachedTo.assertSame()
      return openHeld(storeOf(), port, options, { hooks, directory })
    },
  })
  await shared.open()
  return finishOpening(shared, port, options, () => new DirectoryImage(directory))
}

/**
 * KAFKA_STORAGE_ERROR or STORAGE_FULL where the directory takes no socket. Where the file system takes no more files,
 * one of the reserve makes room: an open finds it again, or makes it anew.
 */
async function listen(directory: string, attached: (channel: Channel) => void): Promise<Listener> {
  const attempt = () =>
    listenForAttached(directory, attached).catch((error: unknown) => {
      throw storageError('listen', SOCKET_FILE, directory, error)
    })
  return attempt().catch(async (error: unknown) => {
    if (!LogError.is(error, 'STORAGE_FULL')) throw error
    await rm(join(directory, RESERVED_FILES[0] as string), { force: true })
    return attempt()
  })
}

async function finishOpening(
  opened: Opened,
  port: RuntimePort,
  options: OpenOptions,
  files: FilesToVerify,
): Promise<EmbeddedLog> {
  try {
    const ensured = ensureTopics(opened.admin, options.topics ?? [])
    await (opened.opening?.(ensured) ?? ensured)
  } catch (error) {
    await opened.close()
    throw error
  }
  return new OpenedLog(opened, port, files)
}

/** Takes the lock of the storage and opens the log in it. `directory`: where the storage is one that may be shared. */
export async function openHeld(
  driver: StorageDriver,
  port: RuntimePort,
  options: OpenOptions,
  { hooks, directory }: { readonly hooks?: HoldHooks | undefined; readonly directory?: string } = {},
): Promise<Held> {
  const locked = typeof driver === 'function' ? driver : await lockedStore(driver)
  let engine: Engine
  try {
    engine = await engineOver(locked, port, options, hooks)
  } catch (error) {
    // Else nobody could open the directory again before this process ends.
    if (typeof locked !== 'function') await locked.close()
    throw error
  }
  // Of files it was asked before their lock was taken.
  if (typeof driver === 'function') requireDurability(engine.store.capabilities, options.requireDurability)
  const broker = new EmbeddedBroker(engine, port, hooks?.waiting, (path) => backupTarget(path, directory))
  return { broker, recovery: await broker.open() }
}

/** MEMORY_CAP_REACHED where the cap is too small for a log. */
async function engineOver(
  storage: StorageDriver,
  port: RuntimePort,
  options: OpenOptions,
  hooks: HoldHooks | undefined,
): Promise<Engine> {
  const { cacheBytes = DEFAULT_CACHE_BYTES } = options
  const kernel = await kernelFor(port, options.memoryBytes ?? DEFAULT_MEMORY_BYTES)
  kernel.seedHash(Uint32Array.from({ length: 4 }, () => Math.floor(port.random() * 2 ** 32)))
  const engine: Engine = new Engine({
    ceilingBlock: CEILING_BLOCK,
    transactionBufferBytes: TRANSACTION_BUFFER_BYTES,
    retentionCheckIntervalMs: options.retentionCheckIntervalMs,
    retentionTrustsClock: options.retentionTrustsClock,
    warn: hooks?.warn ?? ((code, message) => port.warn?.(code, message)),
    compose: (source) => {
      if (typeof storage === 'function') {
        const store = rowsOf(storage, source)
        return { store, factory: new PartitionFactory(kernel, store, cacheBytes) }
      }
      // An opening hears of its failure at once, so it doesn't wait.
      const pause = (delayMs: number) => (engine.report === undefined ? undefined : waitMs(port, delayMs))
      const files = { ...RING, openFilesMax: OPEN_FILES_MAX, random: () => port.random(), pause }
      const store = new FilePartitionStore(storage, kernel, source, files)
      return { store, factory: new PartitionFactory(kernel, store, cacheBytes, store.scratch) }
    },
  })
  return engine
}
