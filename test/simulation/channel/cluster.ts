import type { Channel } from '../../../bindings/engine/remote/channel.ts'
import type { Meeting } from '../../../bindings/entry/embedded/shared-broker.ts'
import { Network } from '../../../bindings/testkit/simulation/channel/network.ts'
import { VirtualTime } from '../../../bindings/testkit/simulation/channel/virtual-time.ts'
import { DirectoryNode } from '../../../bindings/testkit/simulation/content.ts'
import type { ImageMode } from '../../../bindings/testkit/simulation/image.ts'
import { Random, TraceHash } from '../../../bindings/testkit/simulation/random.ts'
import { SimulatedProcess } from './process.ts'

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
  readonly processes: Set<SimulatedProcess> = new Set()
  #directory = new DirectoryNode()
  #listening: Listening | undefined
  #gone: SimulatedProcess[] = []
  #starts = 0

  constructor(seed: number) {
    this.random = new Random(seed)
    this.network = new Network(this.time, new Random(seed + 1))
  }

  start(name: string): SimulatedProcess {
    const process = new SimulatedProcess(`${name}.${this.#starts++}`, {
      time: this.time,
      random: this.random,
      directory: () => this.#directory,
      meetingOf: (process) => this.#meetingOf(process),
    })
    this.processes.add(process)
    return process
  }

  #meetingOf(process: SimulatedProcess): Meeting {
    return {
      attach: () => {
        return new Promise((resolve) => {
          this.time.after(this.random.unit(), () => {
            const listening = this.#listening
            if (listening?.process.isAlive !== true || !process.isAlive) return resolve(undefined)
            const [mine, theirs] = this.network.connect(process, listening.process)
            listening.attached(theirs)
            resolve(mine)
          })
        })
      },
      listen: async (attached) => {
        const listening = { process, attached }
        this.#listening = listening
        return {
          keepAlive() {},
          close: () => {
            if (this.#listening === listening) this.#listening = undefined
          },
        }
      },
    }
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

  #end(process: SimulatedProcess, mode: ImageMode): void {
    process.kill()
    this.processes.delete(process)
    this.network.cutOff(process)
    if (this.#listening?.process === process) this.#listening = undefined
    if (process.disk?.isHeld === true) this.#directory = process.disk.image(this.random, mode).root
    this.#gone.push(process)
  }

  /** The holder ends before one of the next operations of its disk. */
  crashHolderSoon(): void {
    const { disk } = this.holder ?? {}
    if (disk !== undefined) disk.crashAt = disk.operations + 1 + this.random.below(40)
  }

  /** Runs until `isDone`. Throws when nothing is left to happen, or it takes too long. */
  async run(isDone: () => boolean, limitMs: number): Promise<void> {
    const end = this.time.now + limitMs
    // What follows from nothing but promises comes before the next event.
    await turn()
    while (!isDone()) {
      if (this.time.now > end) throw new Stuck(`not done after ${limitMs} ms`)
      if (!this.time.step()) throw new Stuck('nothing is left to happen')
      await turn()
      for (const process of this.#gone.splice(0)) process.discard()
      for (const process of [...this.processes]) {
        if (process.isAlive) continue
        this.counts.crashesInOperations++
        this.kill(process)
      }
    }
  }
}

/** A run that doesn't come to its end: somebody waits for ever. */
export class Stuck extends Error {
  override readonly name = 'Stuck'
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
