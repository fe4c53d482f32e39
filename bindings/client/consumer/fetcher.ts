import type { FetchedPartition, TopicPosition } from '../../broker/reader-session.ts'
import { LogError } from '../../model/errors.ts'
import type { Position, TopicPartition } from '../../model/positions.ts'
import type { AssignedPartition } from './assigned-partition.ts'
import type { AssignedStart } from './assigned-start.ts'
import type { Assignment } from './assignment.ts'
import type { Decoder } from './consumed-record.ts'
import { FetchedRecords } from './fetched-records.ts'

export interface FetcherParts {
  readonly assignment: Assignment
  readonly start: AssignedStart
  readonly decoders: ReadonlyMap<string, Decoder>
  /** An offset whose records are gone is reported as an error instead of being reset. */
  readonly mustHaveOffset: boolean
}

/** Chooses the positions to fetch, in turn, and puts the answers into the partitions that still want them. */
export class Fetcher {
  readonly #parts: FetcherParts
  /** The last partition that a fetch brought something of. */
  #lastFilled: AssignedPartition | undefined

  constructor(parts: FetcherParts) {
    this.#parts = parts
  }

  /**
   * The positions of all partitions that have nothing to deliver and aren't paused. A fetch takes from them in order
   * until it is full: so it begins after the last partition of which the one before brought something.
   */
  nextPositions(): readonly TopicPosition[] {
    const { partitions } = this.#parts.assignment
    const first = this.#lastFilled === undefined ? 0 : partitions.indexOf(this.#lastFilled) + 1
    const positions: TopicPosition[] = []
    for (let count = 0; count < partitions.length; count++) {
      const each = partitions[(first + count) % partitions.length] as AssignedPartition
      if (!each.isPaused && each.buffer === undefined) positions.push(each.wanted)
    }
    return positions
  }

  /**
   * The error of a damaged partition is thrown only once the others have nothing to deliver, so that it doesn't hold
   * them up. What a paused one has waits for its resume, as in Kafka's client (KAFKA-7548).
   */
  async fill(fetched: readonly FetchedPartition[], asked: readonly Position[]): Promise<void> {
    const failed: unknown[] = []
    // Both have the same order, and most of what was asked for has nothing.
    let at = 0
    for (const each of fetched) {
      while (at < asked.length && !isSamePlace(asked[at] as Position, each)) at++
      await this.#fill(each, asked[at]?.nextOffset).catch((error: unknown) => failed.push(error))
    }
    const { partitions } = this.#parts.assignment
    if (failed.length > 0 && partitions.every((each) => each.isPaused || each.buffer === undefined)) throw failed[0]
  }

  async #fill(fetched: FetchedPartition, from: number | undefined): Promise<void> {
    const { assignment, decoders, start, mustHaveOffset } = this.#parts
    const assigned = assignment.at(fetched)
    const decoder = decoders.get(fetched.topic)
    // The program has called `seek` since: this isn't what is wanted now.
    if (assigned === undefined || decoder === undefined || assigned.position !== from) return
    if (fetched.error === undefined) {
      const { topic, partition } = fetched
      const source = { topic, partition, decoder, held: assigned, loan: undefined }
      assigned.fill(new FetchedRecords(fetched, source, from, Number.POSITIVE_INFINITY))
      if (fetched.nextOffset !== from) this.#lastFilled = assigned
      return
    }
    // The group rebalances over the topic that has the name now.
    if (LogError.is(fetched.error, 'UNKNOWN_TOPIC_ID')) return assignment.lose((each) => each === assigned)
    if (!LogError.is(fetched.error, 'OFFSET_OUT_OF_RANGE') || mustHaveOffset) throw fetched.error
    try {
      const [reset] = await start.reset([assigned])
      // The program may have called `seek` meanwhile.
      if (reset !== undefined && assigned.position === from) assigned.reset(reset.nextOffset)
    } catch (error) {
      if (!LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw error
      return assignment.lose((each) => each === assigned)
    }
  }
}

function isSamePlace(a: TopicPartition, b: TopicPartition): boolean {
  return a.partition === b.partition && a.topic === b.topic
}
