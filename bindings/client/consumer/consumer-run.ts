import { LogError } from '../../model/errors.ts'
import { consumerClosed } from '../closed.ts'
import type { FetchSize } from '../fetch-size.ts'
import type { ItemSource } from '../iteration.ts'
import { type Abortable, throwIfAborted, wokenBy } from '../signals.ts'
import type { AssignedPartition } from './assigned-partition.ts'
import type { FetchedRecords } from './fetched-records.ts'
import type { Membership } from './membership.ts'

/** What all iterations of one consumer share. */
export interface ConsumerRuns {
  /** One iteration at a time. */
  isIterating: boolean
  isClosed: boolean
}

/** What is handed out of a partition's records at once. */
export interface Taken<T> {
  readonly item: T
  readonly baseOffset: number
  readonly lastOffset: number
  /** Whether the same partition goes on for as long as it has fetched records. */
  readonly stays: boolean
}

type Signal = Abortable['signal']

/** What one iteration hands out, and what ends it. */
export interface RunPlan<T> {
  readonly signals: readonly Signal[]
  /** How much is fetched at once. */
  readonly sizes: FetchSize
  readonly takeFrom: (buffer: FetchedRecords) => Taken<T>
}

/** One iteration of a consumer. Partitions that have records take turns; where none has, it waits without polling. */
export class ConsumerRun<T> implements ItemSource<T> {
  readonly #membership: Membership
  readonly #runs: ConsumerRuns
  readonly #signals: readonly Signal[]
  readonly #sizes: FetchSize
  readonly #takeFrom: (buffer: FetchedRecords) => Taken<T>
  readonly #wake: () => void
  #hasStarted = false
  #isStopped = false
  /** The partition whose turn it is. */
  #current: AssignedPartition | undefined
  /** The partition whose last item is being worked on. */
  #delivered: AssignedPartition | undefined

  constructor(membership: Membership, runs: ConsumerRuns, { signals, sizes, takeFrom }: RunPlan<T>) {
    this.#membership = membership
    this.#runs = runs
    this.#signals = signals
    this.#sizes = sizes
    this.#takeFrom = takeFrom
    this.#wake = () => {
      membership.interrupt().catch(() => {})
    }
  }

  take(): T | undefined {
    this.#delivered?.askedNext()
    this.#delivered = undefined
    if (!this.#hasStarted || this.#isOver) return undefined
    for (const signal of this.#signals) throwIfAborted(signal)
    // A rebalance comes into force between two records.
    if (this.#membership.isUnsettled || this.#membership.isPollDue) return undefined
    const partition = this.#current?.isPaused === false && this.#current.buffer ? this.#current : this.#next()
    const buffer = partition?.buffer
    if (partition === undefined || buffer === undefined) return undefined
    const { item, baseOffset, lastOffset, stays } = this.#takeFrom(buffer)
    partition.delivered(baseOffset, lastOffset, buffer.nextOffset)
    this.#delivered = partition
    this.#current = stays ? partition : undefined
    if (!stays) this.#membership.assignment.hadTurn(partition)
    return item
  }

  get #isOver(): boolean {
    return this.#isStopped || this.#runs.isClosed
  }

  get #isUnwanted(): boolean {
    return this.#isOver || this.#signals.some((signal) => signal?.aborted === true)
  }

  /** Those that were answered are in turn among the ones that the log isn't asked for. */
  #next(): AssignedPartition | undefined {
    for (const each of this.#membership.assignment.unasked) {
      if (!each.isPaused && each.buffer !== undefined) return each
    }
    return undefined
  }

  async more(): Promise<boolean> {
    const isFirst = !this.#hasStarted
    if (isFirst) this.#start()
    for (const signal of this.#signals) throwIfAborted(signal)
    if (this.#isOver) return false
    this.#current = undefined
    await wokenBy(this.#signals, this.#wake, () => this.#wait(isFirst))
    return true
  }

  /**
   * At first it fetches nothing: an earlier iteration may have left records. A failure caused by the interruption is
   * dropped: the next step finds out why the wait was interrupted.
   */
  async #wait(isFirst: boolean): Promise<void> {
    try {
      if (isFirst || this.#membership.isUnsettled) await this.#membership.settle()
      else await this.#membership.fetch(this.#sizes.next(), () => this.#isUnwanted)
    } catch (error) {
      if (!this.#isUnwanted) throw error
    }
  }

  #start(): void {
    if (this.#runs.isClosed) throw consumerClosed(this.#membership.settings.groupId)
    if (this.#runs.isIterating) throw new LogError('CONSUMER_BUSY', 'this consumer is being iterated already')
    this.#hasStarted = true
    this.#runs.isIterating = true
    this.#membership.iterationBegan(() => this.#isUnwanted)
  }

  stop(): void {
    this.#isStopped = true
    if (this.#hasStarted) this.#wake()
  }

  /** Fetched records that weren't delivered are left to the next iteration, which goes on with the same partition. */
  async end(): Promise<void> {
    if (!this.#hasStarted) return
    this.#runs.isIterating = false
    this.#delivered?.iterationEnded()
    this.#membership.iterationEnded()
  }
}
