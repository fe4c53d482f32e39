import type { JoinedGroup } from '../../broker/consumer-session.ts'
import type { AppendResult } from '../../broker/producer-session.ts'
import type { FetchedPartition } from '../../broker/reader-session.ts'
import type { CleanupOptions } from '../../engine/cleanup.ts'
import type { Callback, Command } from '../../engine/commands.ts'
import { Engine } from '../../engine/engine.ts'
import type { EngineOptions } from '../../engine/engine-parts.ts'
import type { EffectResult, IssuedEffect } from '../../engine/task-runner.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import { RESERVE_FILE } from '../../log/journal/layout.ts'
import { PartitionFactory } from '../../log/partition/partition-factory.ts'
import type { WriteBufferSizes } from '../../log/segment/write-buffers.ts'
import { FilePartitionStore } from '../../log/store/file-partition-store.ts'
import type { IsolationLevel } from '../../model/positions.ts'
import type { TopicConfig } from '../../model/topic-config.ts'
import type { Effect } from '../../storage/effect.ts'
import type { PartitionSource } from '../../storage/partition-source.ts'
import type { RecoveryReport } from '../../storage/recovery-report.ts'
import type { WriteOrderObserver } from '../../storage/write-order.ts'
import type { SeenRecord, SendRequest } from './crash/system-under-test.ts'
import { returnKernel, takeKernel } from './kernel-pool.ts'
import type { Random } from './random.ts'
import { VirtualRows, type VirtualStorage } from './virtual-rows.ts'

/** Small, so that rings wrap, extents and ceilings happen within a few sends. */
export const RING_FILE_BYTES = 16384
const CEILING_BLOCK = 8
const TRANSACTION_BUFFER_BYTES = 16384
/** Room for a few batches only: they come and go. */
const CACHE_BYTES = 8192
const BEGIN = 1_700_000_000_000
/** What a log over files is made with. */
export interface HostSizes {
  readonly ringFileBytes: number
  readonly ringFiles: number
  readonly writeBufferSizes: WriteBufferSizes
}

/** As small as batches are here: of those that go by extent each is written at once, as in a log of full size. */
export const SIMULATED_WRITE_BUFFER_SIZES: WriteBufferSizes = { batchBytes: 4096, pieceBytes: 16_384 }
export const SIMULATED_SIZES: HostSizes = {
  ringFileBytes: RING_FILE_BYTES,
  ringFiles: 2,
  writeBufferSizes: SIMULATED_WRITE_BUFFER_SIZES,
}

function composed(
  storage: VirtualStorage,
  kernel: Kernel,
  source: PartitionSource,
  observer: WriteOrderObserver | undefined,
  { ringFileBytes, ringFiles, writeBufferSizes }: HostSizes,
): ReturnType<EngineOptions['compose']> {
  if (storage instanceof VirtualRows) {
    const store = storage.store(observer)
    return { store, factory: new PartitionFactory(kernel, store, CACHE_BYTES) }
  }
  storage.spacePath = RESERVE_FILE
  const store = new FilePartitionStore(storage, kernel, source, {
    ringFileBytes,
    ringFiles,
    ringFilesUsual: ringFiles,
    ringFilesMax: 8,
    openFilesMax: 64,
    writeBufferSizes,
    observer,
    random: () => 0.5,
  })
  return { store, factory: new PartitionFactory(kernel, store, CACHE_BYTES, store.scratch) }
}

/** A command that was given; `answered` once its callback came while the disk was alive. */
export interface Asked<T> {
  answered: boolean
  error: unknown
  value: T | undefined
}

export interface HostSend extends SendRequest {
  /** Of its records, in milliseconds since 1970; the log's clock without one. */
  readonly timestamp?: number | undefined
}

interface KeyedRecord extends SeenRecord {
  readonly key: string
}

export interface HostOptions {
  /** With it effects end in any order; without it in the order in which they came. */
  readonly order?: Random | undefined
  readonly observer?: WriteOrderObserver | undefined
  readonly cleanup?: CleanupOptions
  readonly sizes?: HostSizes
}

/** The real engine over virtual storage, in one thread and without promises: the caller owns every order. */
export class SyncHost<Storage extends VirtualStorage = VirtualStorage> {
  readonly storage: Storage
  readonly engine: Engine
  readonly #order: Random | undefined
  readonly #effects: IssuedEffect[] = []
  /** Flushes that are done, of which the engine doesn't know yet. */
  readonly #flushed = new WeakMap<IssuedEffect, EffectResult>()
  #kernel: Kernel | undefined = takeKernel()
  #now = BEGIN

  constructor(storage: Storage, { order, observer, cleanup = {}, sizes = SIMULATED_SIZES }: HostOptions = {}) {
    this.storage = storage
    this.#order = order
    const kernel = this.#kernel as Kernel
    this.engine = new Engine({
      ceilingBlock: CEILING_BLOCK,
      transactionBufferBytes: TRANSACTION_BUFFER_BYTES,
      ...cleanup,
      compose: (source) => composed(storage, kernel, source, observer, sizes),
    })
  }

  open(): RecoveryReport {
    return this.#await(this.#asked<RecoveryReport>((done) => this.engine.open(this.#now, done)))
  }

  /** Gives a command without waiting: what follows may overtake it. */
  start<T>(command: (done: Callback<T>) => Command, answered?: (asked: Asked<T>) => void): Asked<T> {
    return this.#asked<T>((done) => this.engine.step(this.#now++, command(done)), answered)
  }

  ask<T>(command: (done: Callback<T>) => Command): T {
    return this.#await(this.start(command))
  }

  send(request: HostSend, answered?: (asked: Asked<AppendResult>) => void): Asked<AppendResult> {
    const { topic, partition, producerId, producerEpoch, baseSequence, acks, timestamp } = request
    const records = request.values.map((value) => ({ key: null, value, timestamp, headers: undefined }))
    const append = { topic, partition, producerEpoch, baseSequence, acks, records }
    return this.start<AppendResult>(
      (done) => ({ kind: 'append', producerId, request: append, isTransactional: false, done }),
      answered,
    )
  }

  /** From the log's start on. */
  fetchAll(topic: string, partition: number, isolationLevel: IsolationLevel = 'read_committed'): SeenRecord[] {
    return this.fetchKeyed(topic, partition, isolationLevel).map(({ offset, value }) => ({ offset, value }))
  }

  fetchKeyed(topic: string, partition: number, isolationLevel: IsolationLevel = 'read_committed'): KeyedRecord[] {
    const seen: KeyedRecord[] = []
    const decoder = new TextDecoder()
    const textOf = (bytes: Uint8Array | null) => decoder.decode(bytes ?? undefined)
    for (let nextOffset = this.#startOf(topic, partition); ; ) {
      const position = { topic, partition, nextOffset }
      const request = { positions: [position], isolationLevel, maxBytes: 1e6, wait: false }
      const [part] = this.ask<readonly FetchedPartition[]>((done) => ({ kind: 'fetch', reader: this, request, done }))
      if (part?.error !== undefined) throw part.error
      for (const batch of part?.batches ?? []) {
        for (let index = 0; index < batch.recordCount; index++) {
          const offset = batch.offsetOf(index)
          if (offset < nextOffset) continue
          seen.push({ offset, key: textOf(batch.keyOf(index)), value: textOf(batch.valueOf(index)) })
        }
      }
      if (part === undefined || part.nextOffset === nextOffset) return seen
      nextOffset = part.nextOffset
    }
  }

  #startOf(topic: string, partition: number): number {
    return this.engine.topics.partition(topic, partition).partition.watermarks.logStartOffset
  }

  openProducer(): number {
    return this.ask<number>((done) => ({ kind: 'openProducer', done }))
  }

  createTopic(topicId: string, name: string, partitions: number, config: TopicConfig): void {
    this.ask<void>((done) => ({ kind: 'createTopic', topicId, name, partitions, config, done }))
  }

  /** The only member of a group: it reads all partitions of its topics. Returns the generation. */
  join(groupId: string, memberId: string, topics: readonly string[], maxPollIntervalMs: number = 1e9): number {
    const member = { groupId, memberId }
    const subscription = { rejoins: false, topics, owned: [], assignors: ['range'], maxPollIntervalMs }
    const { generation } = this.ask<JoinedGroup>((done) => {
      return { kind: 'joinGroup', request: { ...member, ...subscription }, rebalance: () => {}, done }
    })
    const partitions = topics.flatMap((topic) => {
      const { partitions: count } = this.engine.topics.facts(topic)
      return Array.from({ length: count }, (_, partition) => ({ topic, partition }))
    })
    const request = { ...member, generation, assignments: [{ memberId, partitions }] }
    this.ask<unknown>((done) => ({ kind: 'syncGroup', request, done }))
    return generation
  }

  close(): void {
    this.ask<void>((done) => ({ kind: 'close', done }))
  }

  /** The process is gone: nothing of it is called any more. */
  discard(): void {
    if (this.#kernel !== undefined) returnKernel(this.#kernel)
    this.#kernel = undefined
  }

  get now(): number {
    return this.#now
  }

  /** Somebody sets the wall clock: no time passes. */
  setClock(byMs: number): void {
    this.#now += byMs
    this.engine.clockMoved(byMs)
  }

  /** Time passes while nothing of the process runs, as on a machine that sleeps: deadlines of that time come late. */
  sleep(byMs: number): void {
    this.settle()
    this.#now += byMs
  }

  /** An operation of the disk takes so long: to be called within it. */
  takeTime(byMs: number): void {
    this.#now += byMs
  }

  /** Lets `byMs` pass: deadlines come, and what they start is run to its end. */
  passTime(byMs: number): void {
    const until = this.#now + byMs
    this.settle()
    for (let at = this.#deadline; at <= until; at = this.#deadline) {
      this.#now = Math.max(this.#now, at)
      this.engine.tick(this.#now)
      this.settle()
    }
    this.#now = Math.max(this.#now, until)
  }

  /** Lets `byMs` pass and deadlines come; what they start isn't run yet. */
  tickAfter(byMs: number): void {
    this.#now += byMs
    this.engine.tick(this.#now)
  }

  get #deadline(): number {
    return this.engine.nextDeadline() ?? Number.POSITIVE_INFINITY
  }

  /** Runs until nothing is left to do. */
  settle(): void {
    while (this.advance()) {}
  }

  /** One effect or one turn; false when there is neither. */
  advance(): boolean {
    this.#effects.push(...this.engine.take())
    const { engine } = this
    // An effect that only gives others their turn waits for nothing else.
    const isTurn = this.#effects.every(({ effect }) => effect.kind === 'yield')
    if (engine.wantsTurn && (isTurn || this.#order?.chance(0.5) === true)) {
      engine.turn(this.#now++)
    } else {
      const [issued] = this.#effects.splice(this.#order?.below(this.#effects.length) ?? 0, 1)
      if (issued === undefined) return false
      this.#run(issued)
    }
    this.storage.assertRunning()
    return true
  }

  /** With an order others may go on between a flush and its answer: what they write meanwhile isn't part of it. */
  #run(issued: IssuedEffect): void {
    const { effect } = issued
    const isFlush = effect.kind === 'flush' || effect.kind === 'syncDirectory'
    const flushed = this.#flushed.get(issued)
    const result = flushed ?? resultOf(effect)
    if (isFlush && flushed === undefined && this.#order?.chance(0.5) === true) {
      this.#flushed.set(issued, result)
      this.#effects.push(issued)
      return
    }
    this.engine.complete(this.#now, issued, result)
  }

  #asked<T>(give: (done: Callback<T>) => void, answered?: (asked: Asked<T>) => void): Asked<T> {
    const asked: Asked<T> = { answered: false, error: undefined, value: undefined }
    give((error, value) => {
      if (this.storage.crashed) return
      if (asked.answered) throw new Error('a command was answered twice')
      Object.assign(asked, { answered: true, error, value })
      answered?.(asked)
    })
    this.storage.assertRunning()
    return asked
  }

  #await<T>(asked: Asked<T>): T {
    while (!asked.answered) {
      if (!this.advance()) throw new Error('the engine has nothing to do and a command has no answer')
    }
    if (asked.error !== undefined) throw asked.error
    return asked.value as T
  }
}

function resultOf(effect: Effect): EffectResult {
  try {
    return { value: effect.run() }
  } catch (error) {
    return { error }
  }
}
