import type { RuntimePort } from '../../../bindings/broker/runtime-port.ts'
import { BrokerLog } from '../../../bindings/client/log.ts'
import { Engine } from '../../../bindings/engine/engine.ts'
import { attachTo, listenForAttached } from '../../../bindings/engine/remote/local-socket.ts'
import { EmbeddedBroker } from '../../../bindings/engine/sessions/embedded-broker.ts'
import { lockedStore } from '../../../bindings/entry/embedded/locked-store.ts'
import { nodePort } from '../../../bindings/entry/embedded/node-port.ts'
import type { Held } from '../../../bindings/entry/embedded/serving.ts'
import { SharedBroker } from '../../../bindings/entry/embedded/shared-broker.ts'
import { createKernel } from '../../../bindings/kernel/create-kernel.ts'
import { loadKernelModule } from '../../../bindings/kernel/load-kernel.ts'
import { PartitionFactory } from '../../../bindings/log/partition/partition-factory.ts'
import { FilePartitionStore } from '../../../bindings/log/store/file-partition-store.ts'
import { notedHolder } from '../../../bindings/storage/drivers/node-fs/holder-note.ts'
import { createDirectoryStore } from '../../../bindings/storage/drivers/node-fs.ts'
import type { Task } from '../../../bindings/storage/effect.ts'
import type { StoredState } from '../../../bindings/storage/stored-state.ts'
import type { Aim } from './aim.ts'
import type { Phase } from './steps.ts'
import { WatchedStore } from './watched-store.ts'

/**
 * Small, so that a life of a tenth of a second has checkpoints, ring files in turn and records too large for a frame.
 */
const RING = { ringFileBytes: 65_536, ringFiles: 2, ringFilesUsual: 3, ringFilesMax: 8, openFilesMax: 64 }
const CEILING_BLOCK = 64
const TRANSACTION_BUFFER_BYTES = 65_536
const MEMORY_BYTES = 64 * 1024 * 1024
const CACHE_BYTES = 64 * 1024
/** Compaction comes every fifteen seconds: for the engine those pass in a twentieth of one. */
const HASTE = 300

/** How far the wall clock jumps, to and fro. */
const JUMP_MAX_MS = 10 * 365 * 24 * 3_600_000
const JUMP_EACH_MS = 15

/**
 * `isJumping`: the wall clock is set again and again, the time that passes isn't. By chance, not by the seed: at which
 * step of a life a jump falls is the machine's doing, so that no seed could bring it back.
 */
function hastyPort(isJumping: boolean): RuntimePort {
  const begunMs = Date.now()
  let jumpMs = 0
  if (isJumping) setInterval(() => (jumpMs = (Math.random() - 0.5) * 2 * JUMP_MAX_MS), JUMP_EACH_MS).unref()
  return {
    ...nodePort,
    now: () => Math.floor(begunMs + jumpMs + performance.now() * HASTE),
    elapsed: () => performance.now() * HASTE,
    setTimer: (delayMs, callback, options) => nodePort.setTimer(delayMs / HASTE, callback, options),
    // A clock that jumps is worth a warning, which nobody reads here.
    warn: () => {},
  }
}

/** Tells the aim which of its longer works is under way. */
class WatchedPartitionStore extends FilePartitionStore {
  #aim: Aim | undefined

  watchedBy(aim: Aim | undefined): this {
    this.#aim = aim
    return this
  }

  *#during<T>(phase: Phase, task: Task<T>): Task<T> {
    this.#aim?.began(phase)
    try {
      return yield* task
    } finally {
      this.#aim?.ended(phase)
    }
  }

  override open(): Task<StoredState> {
    return this.#during(this.#aim?.openingPhase ?? 'opening', super.open())
  }

  override maintenance(): Task<void> | undefined {
    const task = super.maintenance()
    return task === undefined ? undefined : this.#during('checkpoint', task)
  }

  override close(): Task<void> {
    return this.#during('close', super.close())
  }
}

/** The real log in its directory, held or attached, as `open` makes it but for its sizes and its clock. */
export async function openWatched(
  directory: string,
  aim: Aim | undefined,
  isJumping = false,
): Promise<{ readonly log: BrokerLog; readonly shared: SharedBroker }> {
  const port = hastyPort(isJumping)
  await nodePort.ready?.()
  const shared = new SharedBroker({
    meeting: {
      attach: () => attachTo(directory),
      listen: (attached) => listenForAttached(directory, attached),
      heldBy: () => notedHolder(directory),
    },
    port: nodePort,
    exclusive: false,
    hold: ({ waiting }) => hold(directory, aim, port, waiting),
  })
  await shared.open()
  return { log: new BrokerLog(shared, nodePort), shared }
}

async function hold(
  directory: string,
  aim: Aim | undefined,
  port: RuntimePort,
  waiting: (isWaiting: boolean) => void,
): Promise<Held> {
  const store = createDirectoryStore(directory)
  const files = await lockedStore(aim === undefined ? store : new WatchedStore(store, aim))
  if (aim !== undefined) aim.role = 'holder'
  const kernel = createKernel(loadKernelModule(), { capBytes: MEMORY_BYTES, codecs: nodePort.codecs })
  const engine = new Engine({
    ceilingBlock: CEILING_BLOCK,
    transactionBufferBytes: TRANSACTION_BUFFER_BYTES,
    compose: (source) => {
      const options = { ...RING, random: () => nodePort.random() }
      const store = new WatchedPartitionStore(files, kernel, source, options).watchedBy(aim)
      return { store, factory: new PartitionFactory(kernel, store, CACHE_BYTES, store.scratch) }
    },
  })
  const broker = new EmbeddedBroker(engine, port, waiting)
  return { broker, recovery: await broker.open() }
}
