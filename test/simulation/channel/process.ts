import type { RuntimePort } from '../../../bindings/broker/runtime-port.ts'
import { BrokerLog } from '../../../bindings/client/log.ts'
import type { Groups } from '../../../bindings/coordinator/group/groups.ts'
import { Engine } from '../../../bindings/engine/engine.ts'
import { EmbeddedBroker } from '../../../bindings/engine/sessions/embedded-broker.ts'
import type { Meeting } from '../../../bindings/entry/embedded/holder-search.ts'
import { nodeCodecs } from '../../../bindings/entry/embedded/node-codecs.ts'
import type { Held } from '../../../bindings/entry/embedded/serving.ts'
import { SharedBroker } from '../../../bindings/entry/embedded/shared-broker.ts'
import type { Kernel } from '../../../bindings/kernel/kernel.ts'
import { parseSegmentFileName } from '../../../bindings/log/files/file-names.ts'
import { RESERVE_FILE } from '../../../bindings/log/journal/layout.ts'
import { PartitionFactory } from '../../../bindings/log/partition/partition-factory.ts'
import { FilePartitionStore } from '../../../bindings/log/store/file-partition-store.ts'
import type { Compactable, StoredRange } from '../../../bindings/storage/partition-store.ts'
import type { RecoveryReport } from '../../../bindings/storage/recovery-report.ts'
import type { Party } from '../../../bindings/testkit/simulation/channel/conditions.ts'
import { SlowDisk, slowDriver } from '../../../bindings/testkit/simulation/channel/slow-disk.ts'
import { type VirtualTime, virtualPort } from '../../../bindings/testkit/simulation/channel/virtual-time.ts'
import type { DirectoryNode } from '../../../bindings/testkit/simulation/disk-nodes.ts'
import { returnKernel, takeKernel } from '../../../bindings/testkit/simulation/kernel-pool.ts'
import type { Random } from '../../../bindings/testkit/simulation/random.ts'
import type { OperationWatch } from '../../../bindings/testkit/simulation/virtual-disk.ts'
import type { Settings } from './plan.ts'

export interface Surroundings {
  readonly time: VirtualTime
  readonly random: Random
  readonly settings: Settings
  /** Sees each operation of each holder's disk. */
  readonly watch: OperationWatch
  /** Sees the offsets that transactions bring to each holder. */
  watchOffsets(groups: Groups): void
  /** How long the next flush takes. */
  flushMs(): number
  /** The directory as it is now. */
  directory(): DirectoryNode
  meetingOf(process: SimulatedProcess): Meeting
  opened(report: RecoveryReport): void
}

/** A program with the log open: the real client over the real ways to the holder, or with the real engine in it. */
export class SimulatedProcess implements Party {
  readonly name: string
  /** Of all that were started. */
  readonly number: number
  readonly port: RuntimePort
  /** Of the directory that it holds, or is about to. */
  disk: SlowDisk | undefined
  /** Resolves when it is killed. */
  readonly ended: Promise<void>
  readonly #around: Surroundings
  readonly #shared: SharedBroker
  #kernel: Kernel | undefined
  #engine: Engine | undefined
  #log: BrokerLog | undefined
  #isKilled = false
  #tellEnd = () => {}

  constructor(name: string, number: number, around: Surroundings) {
    this.name = `${name}.${number}`
    this.number = number
    this.#around = around
    this.ended = new Promise((resolve) => {
      this.#tellEnd = resolve
    })
    this.port = { ...virtualPort(around.time, around.random, () => this.isAlive), codecs: nodeCodecs }
    const meeting = around.meetingOf(this)
    this.#shared = new SharedBroker({ meeting, port: this.port, exclusive: false, hold: () => this.#hold() })
  }

  /** A crash in the middle of an operation of its disk is its end too. */
  get isAlive(): boolean {
    return !this.#isKilled && this.disk?.crashed !== true
  }

  get isHolder(): boolean {
    return this.disk?.isHeld === true
  }

  async open(): Promise<void> {
    await this.whileAlive(this.#shared.open())
    this.#log = new BrokerLog(this.#shared, this.port)
  }

  get isOpen(): boolean {
    return this.#log !== undefined
  }

  get log(): BrokerLog {
    if (this.#log === undefined) throw new Error(`${this.name} has no log open`)
    return this.#log
  }

  /** What a dead process awaits never comes. */
  whileAlive<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => {
          if (this.isAlive) resolve(value)
        },
        (error: unknown) => {
          if (this.isAlive) reject(error as Error)
        },
      )
    })
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.port.setTimer(delayMs, resolve))
  }

  async #hold(): Promise<Held> {
    const { time, random, settings } = this.#around
    const later = (run: () => void): void => {
      time.after(this.#around.flushMs(), () => {
        if (this.isAlive) run()
      })
    }
    const disk = new SlowDisk(this.#around.directory(), later)
    const files = slowDriver(disk, later, settings.isSlowThroughout)
    disk.watch = this.#around.watch
    disk.spacePath = RESERVE_FILE
    // Refused before an engine is made for it: most attempts are.
    const { release } = disk.lock()
    await release()
    const kernel = takeKernel(nodeCodecs)
    this.#kernel = kernel
    const { ceilingBlock, transactionBufferBytes, tableSegmentBytes, upkeepIntervalMs } = settings
    const engine = new Engine({
      ...{ ceilingBlock, transactionBufferBytes, tableSegmentBytes },
      ...{ retentionCheckIntervalMs: upkeepIntervalMs, compactionIntervalMs: upkeepIntervalMs },
      compose: (source) => {
        const store = new FilePartitionStore(files, kernel, source, {
          ...ringOf(settings),
          random: () => random.unit(),
        })
        return { store, factory: new PartitionFactory(kernel, store, settings.cacheBytes, store.scratch) }
      },
    })
    this.#around.watchOffsets(engine.groups)
    this.disk = disk
    this.#engine = engine
    const broker = new EmbeddedBroker(engine, this.port)
    const recovery = await broker.open()
    this.#around.opened(recovery)
    return { broker, recovery }
  }

  kill(): void {
    this.#isKilled = true
    if (this.disk !== undefined) this.disk.crashed = true
    this.#tellEnd()
  }

  /** Once nothing of it can run any more. */
  discard(): void {
    if (this.#kernel !== undefined) returnKernel(this.#kernel)
    this.#kernel = undefined
  }

  /** Of the log that it holds: files of batches of one directory, in their order. */
  segmentSizes(directory: string): { readonly baseOffset: number; readonly sizeBytes: number }[] {
    return (this.disk?.list(directory) ?? []).flatMap((name) => {
      const segment = parseSegmentFileName(name)
      if (segment?.suffix !== 'log') return []
      const sizeBytes = this.disk?.open(`${directory}/${name}`, { create: false })?.size() ?? 0
      return [{ baseOffset: segment.offset, sizeBytes }]
    })
  }

  /** Of the log that it holds: what stands of a partition. */
  ranges(topic: string, partition: number): readonly StoredRange[] {
    const { store, topics } = this.#held
    return store.ranges(topics.partition(topic, partition).id)
  }

  /** Of the log that it holds: how far compaction came in each partition, and what it may work on. */
  compactable(topic: string): (Compactable & { readonly lastStableOffset: number })[] {
    const { store, topics } = this.#held
    return topics.partitionsOf(topic).map(({ id, partition }) => {
      const lastStableOffset = Math.min(partition.lastStableOffset, partition.watermarks.durableOffset)
      return { ...store.compactable(id), lastStableOffset }
    })
  }

  get #held(): Engine {
    if (this.#engine === undefined) throw new Error(`${this.name} holds no log`)
    return this.#engine
  }

  /** Closes a log whose disk failed. */
  async giveUp(): Promise<void> {
    await this.whileAlive(this.#shared.close())
    this.discard()
  }

  /** It is gone, and nobody killed it. */
  leave(): void {
    this.#isKilled = true
    this.#tellEnd()
  }

  async close(): Promise<void> {
    await this.whileAlive(this.log.close())
    this.discard()
  }
}

function ringOf({ ringFileBytes }: Settings) {
  return { ringFileBytes, ringFiles: 2, ringFilesUsual: 2, ringFilesMax: 8, openFilesMax: 64 }
}
