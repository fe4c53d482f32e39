import { nextTick } from 'node:process'
import type { Channel } from '../../../bindings/engine/remote/channel.ts'
import type { Meeting } from '../../../bindings/entry/embedded/holder-search.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import type { RecoveryReport } from '../../../bindings/storage/recovery-report.ts'
import { Network } from '../../../bindings/testkit/simulation/channel/network.ts'
import { VirtualTime } from '../../../bindings/testkit/simulation/channel/virtual-time.ts'
import { DirectoryNode } from '../../../bindings/testkit/simulation/disk-nodes.ts'
import { DiskFaults, type Fault } from '../../../bindings/testkit/simulation/faults.ts'
import type { ImageMode } from '../../../bindings/testkit/simulation/image.ts'
import { Random, TraceHash } from '../../../bindings/testkit/simulation/random.ts'
import type { Happening, Settings } from './plan.ts'
import { SimulatedProcess } from './process.ts'
import { RarePaths } from './rare-paths.ts'
import { DamagedPlaces } from './world.ts'

interface Listening {
  readonly process: SimulatedProcess
  readonly attached: (channel: Channel) => void
}

/** Several processes on one directory, in one thread, with one clock: whatever happens, happens by the seed. */
export class Cluster {
  readonly trace: TraceHash = new TraceHash()
  readonly time: VirtualTime = new VirtualTime(this.trace)
  readonly random: Random
  readonly network: Network
  readonly counts = { kills: 0, holdersKilled: 0, crashesInOperations: 0, powerFailures: 0 }
  failedLogs = 0
  /** Openings that found something damaged, or set it aside. */
  damageReports = 0
  /** When last a process or a connection came to its end. */
  troubleMs: number = Number.NEGATIVE_INFINITY
  readonly damaged: DamagedPlaces = new DamagedPlaces()
  readonly #ending: WeakSet<SimulatedProcess> = new WeakSet()
  readonly happened: Map<Happening, number> = new Map()
  readonly rarePaths: RarePaths = new RarePaths()
  readonly processes: Set<SimulatedProcess> = new Set()
  #directory = new DirectoryNode()
  #listening: Listening | undefined
  readonly #holders: Set<SimulatedProcess> = new Set()
  #gone: SimulatedProcess[] = []
  #starts = 0
  readonly #settings: Settings
  #flushMsMax: number

  constructor(seed: number, settings: Settings) {
    this.#settings = settings
    this.#flushMsMax = settings.flushMsMax
    this.random = new Random(seed)
    this.network = new Network(this.time, new Random(seed + 1), new Random(seed + 2))
  }

  start(name: string): SimulatedProcess {
    const process = new SimulatedProcess(name, this.#starts++, {
      time: this.time,
      random: this.random,
      settings: this.#settings,
      flushMs: () => this.random.unit() * this.#flushMsMax,
      watch: this.rarePaths.watch,
      watchOffsets: (groups) => this.rarePaths.watchOffsets(groups),
      directory: () => this.#directory,
      meetingOf: (process) => this.#meetingOf(process),
      opened: (report) => this.#opened(report),
    })
    this.processes.add(process)
    return process
  }

  #meetingOf(process: SimulatedProcess): Meeting {
    return {
      attach: () => {
        return new Promise((resolve) => {
          this.time.after(this.random.unit(), () => {
            // What a dead process awaits never comes: it would try for the lock.
            if (!process.isAlive) return
            const listening = this.#listening
            if (listening?.process.isAlive !== true) return resolve(undefined)
            const [mine, theirs] = this.network.connect(process, listening.process)
            listening.attached(theirs)
            resolve(mine)
          })
        })
      },
      listen: async (attached) => {
        const listening = { process, attached }
        if (this.#holders.size > 0 && !this.#holders.has(process)) this.rarePaths.mark('takeover')
        this.#holders.add(process)
        this.#listening = listening
        return {
          keepAlive() {},
          close: () => {
            if (this.#listening === listening) this.#listening = undefined
          },
        }
      },
      heldBy: () => new LogError('DIRECTORY_IN_USE', 'another process has it', { pid: this.holder?.name }),
    }
  }

  #opened({ damage, readOnly, setAsideBytes }: RecoveryReport): void {
    // What a kill tore is set aside too: that tells of damage only where a bit may have been read wrong.
    const isSetAside = setAsideBytes > 0 && this.happened.has('flipped read')
    for (const place of [...damage, ...readOnly]) this.damaged.add(place)
    if (isSetAside) this.damaged.add({})
    if (damage.length > 0 || readOnly.length > 0 || isSetAside) this.damageReports++
  }

  get holder(): SimulatedProcess | undefined {
    return [...this.processes].find((process) => process.isHolder)
  }

  /** SIGKILL: what it had written is there for the next holder. */
  kill(process: SimulatedProcess): void {
    this.counts.kills++
    if (process.isHolder) this.counts.holdersKilled++
    this.#end(process, this.random.chance(0.5) ? 'kill' : 'torn')
  }

  /** All processes end, and of the disk stays what was flushed, or what chance leaves of the rest. */
  failPower(): void {
    this.counts.powerFailures++
    for (const process of [...this.processes]) this.#end(process, this.random.chance(0.5) ? 'none' : 'mixed')
  }

  cutConnection(): void {
    this.troubleMs = this.time.now
    this.network.cutOne()
  }

  #end(process: SimulatedProcess, mode: ImageMode): void {
    this.troubleMs = this.time.now
    process.kill()
    this.processes.delete(process)
    this.network.cutOff(process)
    if (this.#listening?.process === process) this.#listening = undefined
    if (process.disk?.isHeld === true) {
      this.#directory = process.disk.image(this.random, mode, this.#settings.fileSystem).root
    }
    this.#gone.push(process)
  }

  count(what: Happening): void {
    this.happened.set(what, (this.happened.get(what) ?? 0) + 1)
  }

  /** Something about the holder's disk goes wrong within its next operations; false without a holder. */
  troubleDisk(what: Happening, draw: number): boolean {
    const { disk } = this.holder ?? {}
    if (disk === undefined) return false
    const at = 1 + Math.floor(draw * 40)
    if (what === 'holder stops in an operation') disk.crashAt = disk.operations + at
    else if (what === 'failing operation') disk.faults = new DiskFaults(FAILING.map((kind) => failing(kind, at)))
    else if (what === 'failing flush') disk.faults = new DiskFaults([failingFlush(draw)])
    else if (what === 'full disk') disk.freeBytes = Math.floor(draw * 20_000)
    else if (what in LYING) disk.faults = new DiskFaults(lies(LYING[what] as Lie, 1 + Math.floor(draw * 20)))
    else if (what === 'slow disk') this.#flushMsMax = this.#settings.flushMsMax * (1 + draw * 20)
    return true
  }

  /** From now on nothing goes wrong any more. */
  mendDisk(): void {
    this.#flushMsMax = this.#settings.flushMsMax
    const { disk } = this.holder ?? {}
    if (disk === undefined) return
    disk.crashAt = Number.POSITIVE_INFINITY
    disk.freeBytes = Number.POSITIVE_INFINITY
    disk.faults = undefined
  }

  /**
   * A program heard that the log has failed: it closes its own, and so does who holds it. What one hears that was
   * closed says nothing of the holder of now.
   */
  storageFailed(process: SimulatedProcess): void {
    if (!this.processes.has(process)) return
    for (const each of [process, this.holder]) if (each !== undefined) this.#endFailed(each)
  }

  /** Its program starts anew, or whoever looks after it kills it. */
  #endFailed(process: SimulatedProcess): void {
    if (this.#ending.has(process)) return
    this.#ending.add(process)
    this.failedLogs++
    const kill = () => {
      if (process.isAlive) this.kill(process)
    }
    this.time.after(this.random.unit() * 30, () => {
      this.troubleMs = this.time.now
      if (this.random.chance(0.5) || !process.isAlive) return kill()
      process.giveUp().then(() => {
        this.processes.delete(process)
        process.leave()
      }, kill)
    })
  }

  /** Runs `work` to its end; answers why it didn't come to that. */
  async whyUnfinished(work: () => Promise<void>, limitMs: number): Promise<string | undefined> {
    let failure: unknown
    let isDone = false
    const end = (error?: unknown) => {
      failure = error
      isDone = true
    }
    work().then(() => end(), end)
    try {
      await this.run(() => isDone, limitMs)
      if (failure !== undefined) throw failure
      return undefined
    } catch (error) {
      if (!(error instanceof Stuck) && !LogError.is(error)) throw error
      return `the run didn't come to its end: ${String(error)}`
    }
  }

  /** Runs until `isDone`. Throws when nothing is left to happen, or it takes too long. */
  async run(isDone: () => boolean, limitMs: number): Promise<void> {
    const end = this.time.now + limitMs
    // What follows from nothing but promises comes before the next event.
    await turn()
    for (let events = 1; !isDone(); events++) {
      if (this.time.now > end) throw new Stuck(`not done after ${limitMs} ms`)
      if (!this.time.step()) throw new Stuck('nothing is left to happen')
      await (events % EVENTS_IN_A_TURN === 0 ? turn() : settled())
      for (const process of this.#gone.splice(0)) process.discard()
      for (const process of [...this.processes]) {
        if (process.isAlive) continue
        this.counts.crashesInOperations++
        this.kill(process)
      }
    }
  }
}

const EVENTS_IN_A_TURN = 2000

/** A run that doesn't come to its end: somebody waits for ever. */
export class Stuck extends Error {
  override readonly name = 'Stuck'
}

/**
 * Once all that follows from promises is over: a tick comes when no microtask is left, and costs a tenth of a turn of
 * the event loop.
 */
function settled(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(() => nextTick(resolve)))
}

/** Whatever else this process has to do comes in between now and then. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

type Lie = Omit<Fault, 'at'>

/**
 * Of the journal such a write is no damage that anybody could see: its last frame looks as if it had never been. So
 * these are of segments alone; bits may flip anywhere.
 */
const LYING: { readonly [what in Happening]?: Lie } = {
  'misdirected write': { kind: 'write', effect: 'misdirected', path: '.log' },
  'zeroed write': { kind: 'write', effect: 'zeroed', path: '.log' },
  'swallowed write': { kind: 'write', effect: 'lying', path: '.log' },
  'flipped read': { kind: 'read', effect: 'flipped' },
}

/** A head that reads wrong does so more than once. */
function lies(lie: Lie, at: number): Fault[] {
  const times = lie.kind === 'read' ? 8 : 1
  return Array.from({ length: times }, (_, index) => ({ ...lie, at: at + 3 * index }))
}

const FAILING: readonly Fault['kind'][] = ['write', 'read', 'create', 'rename', 'remove', 'syncDirectory', 'truncate']

function failing(kind: Fault['kind'], at: number): Fault {
  return { kind, effect: 'error', at }
}

/** The next flush has nothing to do, and what reads show meanwhile is the new content or the old one. */
function failingFlush(draw: number): Fault {
  return { kind: 'flush', effect: draw < 0.5 ? 'drops-shows-new' : 'drops-shows-old', at: 1 + Math.floor(draw * 15) }
}
