import type { FinalRead } from '../../../../bindings/testkit/history/history.ts'
import type { OpenSend } from '../recording.ts'
import { ALL_PARTITIONS } from '../world.ts'

interface Place {
  readonly partition: number
  readonly offset: number
}

interface Delivered extends Place {
  readonly deliveryCount: number
}

/** The log reckons in whole milliseconds, and so does a clock that is set. */
const ROUNDING_MS = 2

/** A consumer as long as it holds what it was given. */
export interface Holder {
  /** It locked nothing before. */
  readonly sinceMs: number
  /** It is closing or gone, which releases what it has. */
  hasEnded: boolean
}

type Answer = 'accept' | 'release' | 'reject'

interface Acknowledged {
  readonly deliveryCount: number
  readonly type: Answer
  /** The log said so. */
  isDurable: boolean
}

/** What the consumers of one share group got and said. */
export class Deliveries {
  /** Of the last one, in virtual time. */
  lastMs = 0
  readonly #counts: Map<string, number[]> = new Map()
  readonly #answers: Map<string, Acknowledged[]> = new Map()
  readonly #deletedBefore: number[] = ALL_PARTITIONS.map(() => 0)
  /** By place, who had it last. */
  readonly #holders: Map<string, Holder> = new Map()
  readonly #maxDeliveries: number
  readonly #lockMs: number

  constructor(maxDeliveries: number, lockMs: number) {
    this.#maxDeliveries = maxDeliveries
    this.#lockMs = lockMs
  }

  /**
   * Answers what is wrong with it: whoever had it before holds it still, having given no answer. `troubleMs`: when last
   * a process or a connection came to its end, which releases records too.
   */
  delivered(record: Delivered, holder: Holder, nowMs: number, troubleMs: number): string[] {
    this.lastMs = nowMs
    listOf(this.#counts, record).push(record.deliveryCount)
    const before = this.#holders.get(nameOf(record))
    this.#holders.set(nameOf(record), holder)
    if (before === undefined || before.hasEnded || troubleMs >= before.sinceMs) return []
    const isLocked = nowMs < before.sinceMs + this.#lockMs - ROUNDING_MS
    const answers = this.#answers.get(nameOf(record)) ?? []
    if (!isLocked || answers.some(({ deliveryCount }) => deliveryCount === record.deliveryCount - 1)) return []
    const { partition, offset } = record
    return [`${offset} of in-${partition} came again, and its lock hadn't ended`]
  }

  /** The answer is to be called once the log said that it is so. */
  asked(record: Delivered, type: Answer): () => void {
    const answer: Acknowledged = { deliveryCount: record.deliveryCount, type, isDurable: false }
    listOf(this.#answers, record).push(answer)
    return () => {
      answer.isDurable = true
    }
  }

  deletes(partition: number, beforeOffset: number): void {
    this.#deletedBefore[partition] = Math.max(this.#deletedBefore[partition] ?? 0, beforeOffset)
  }

  judge(sends: readonly OpenSend[], dead: readonly FinalRead[]): string[] {
    const letters = new Set(dead.flatMap(({ records }) => records.map(({ value }) => value)))
    return sends.flatMap((send) => {
      const { partition, offset = -1, value, outcome } = send
      if (outcome !== 'ok') return []
      const wrong = this.#judgeOne({ partition, offset }, letters.has(value))
      return wrong.map((what) => `${value} at ${offset} of in-${partition} ${what}`)
    })
  }

  #judgeOne(place: Place, isDeadLetter: boolean): string[] {
    const wrong: string[] = []
    const counts = this.#counts.get(nameOf(place)) ?? []
    const answers = this.#answers.get(nameOf(place)) ?? []
    const last = Math.max(0, ...counts)
    if (new Set(counts).size < counts.length) wrong.push(`came twice under one count: ${counts.join()}`)
    if (last > this.#maxDeliveries) wrong.push(`came ${last} times, at most ${this.#maxDeliveries} were wanted`)
    const ended = answers.filter(({ type, isDurable }) => isDurable && type !== 'release')
    for (const { type, deliveryCount } of ended) {
      if (deliveryCount < last)
        wrong.push(`was done at its delivery ${deliveryCount} (${type}) and came again, ${last}`)
      if (type === 'reject' && !isDeadLetter) wrong.push('was rejected, and no dead letter tells')
    }
    if (ended.length > 1) wrong.push(`was done ${ended.length} times`)
    const mayBeDone = isDeadLetter || answers.some(({ type }) => type !== 'release')
    const isDeleted = place.offset < (this.#deletedBefore[place.partition] ?? 0)
    if (!mayBeDone && !isDeleted) wrong.push(`was never done: it came ${counts.length} times`)
    return wrong
  }
}

function nameOf({ partition, offset }: Place): string {
  return `${partition}/${offset}`
}

function listOf<T>(lists: Map<string, T[]>, place: Place): T[] {
  const known = lists.get(nameOf(place))
  if (known !== undefined) return known
  const made: T[] = []
  lists.set(nameOf(place), made)
  return made
}
