import type { ProducerRecord } from '../producer-record.ts'
import type { Partitioner } from './partitioner.ts'
import type { Places, SendPlan } from './place-records.ts'
import type { RecordAccumulator } from './record-accumulator.ts'
import { isByRules } from './refusals.ts'
import type { TopicRules } from './topic-rules.ts'

/**
 * How often, in milliseconds, the log is asked at most whether a list that its topic's limit cuts would now be one
 * batch: to ask takes a copy of each record. Until then lists are cut by the limit as it is known.
 */
const ASK_BEFORE_CUT_EVERY_MS = 1000

/** Gives records their places, and asks the log anew where what is known of their topics may be outdated. */
export class Placing {
  readonly places: Places
  readonly #accumulator: RecordAccumulator
  readonly #partitioner: Partitioner
  readonly #elapsed: () => number
  /** When the log was asked before a cut. */
  #askedMs = Number.NEGATIVE_INFINITY

  constructor(
    accumulator: RecordAccumulator,
    partitioner: Partitioner,
    compression: Places['compression'],
    elapsed: () => number,
  ) {
    this.#accumulator = accumulator
    this.#partitioner = partitioner
    this.#elapsed = elapsed
    this.places = {
      rules: (topic) => accumulator.rulesNow(topic),
      partition: (record, sizeBytes, partitions) => partitioner.choose(record, sizeBytes, partitions),
      onlyPartition: (record, partitions) => partitioner.onlyChoice(record, partitions),
      queue: (topic, partition) => accumulator.queue(topic, partition),
      compression,
    }
  }

  /** Whether a topic's rules refused a record though the log may have other rules by now. */
  isOutdated(error: unknown): boolean {
    return this.#accumulator.mayBeOutdated && isByRules(error)
  }

  /** Whether the log is to be asked before a list is cut: another process may have raised the limit. */
  get asksBeforeCut(): boolean {
    return this.#accumulator.mayBeOutdated && this.#elapsed() - this.#askedMs >= ASK_BEFORE_CUT_EVERY_MS
  }

  /** Gives the records their places without waiting. Returns false if the log must be asked first. */
  now(plan: SendPlan, records: readonly ProducerRecord[]): boolean {
    try {
      return this.#place(plan, records, this.places)
    } catch (error) {
      if (!this.isOutdated(error)) throw error
      plan.isByOutdatedRules = true
      return false
    }
  }

  /**
   * Gives the copies their places. It asks the log for what isn't known of their topics, and again where a record is
   * refused, or a list cut, by rules that may be outdated.
   */
  async later(plan: SendPlan, copies: readonly ProducerRecord[]): Promise<void> {
    const known = await this.#rulesOf(plan, copies)
    if (plan.asksAnew) this.#askedMs = this.#elapsed()
    if (this.#place(plan, copies, { ...this.places, rules: (topic) => known.get(topic) })) return
    plan.forgetPlaces()
    await this.later(plan, copies)
  }

  async #rulesOf(plan: SendPlan, copies: readonly ProducerRecord[]): Promise<ReadonlyMap<string, TopicRules>> {
    const known = new Map<string, TopicRules>()
    const newest = new Set<string>()
    const askAnew = async (topic: string): Promise<TopicRules> => {
      newest.add(topic)
      return this.#accumulator.newerRules(topic)
    }
    for (const [index, copy] of copies.entries()) {
      const { topic } = copy
      const ask = () => (plan.asksAnew ? askAnew(topic) : this.#accumulator.rules(topic))
      const rules = known.get(topic) ?? (await ask())
      known.set(topic, rules)
      try {
        plan.check(copy, index, rules)
      } catch (error) {
        if (newest.has(topic) || !this.isOutdated(error)) throw error
        const newer = await askAnew(topic)
        known.set(topic, newer)
        plan.check(copy, index, newer)
      }
    }
    return known
  }

  #place(plan: SendPlan, records: readonly ProducerRecord[], places: Places): boolean {
    this.#partitioner.mark()
    let isPlaced = false
    try {
      isPlaced = plan.place(records, places) && !this.#isCutByOlder(plan)
      return isPlaced
    } finally {
      if (!isPlaced) this.#partitioner.takeBack()
    }
  }

  /**
   * Whether records for one partition exceed a limit that another process may have raised: as long as they needn't be
   * cut, they are one batch.
   */
  #isCutByOlder(plan: SendPlan): boolean {
    // Hot path: whether a plan is cut is looked for last, as it takes a look at each record of a large list.
    if (plan.asksAnew || !this.asksBeforeCut || !plan.isCut) return false
    plan.asksAnew = true
    plan.isByOutdatedRules = true
    return true
  }
}
