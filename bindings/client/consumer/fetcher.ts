import type { ConsumerSession } from '../../broker/consumer-session.ts'
import type { FetchedPartition, FetchRequest, TopicPosition } from '../../broker/reader-session.ts'
import { LogError } from '../../model/errors.ts'
import type { TopicPartition } from '../../model/positions.ts'
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
  /** The session that was asked before, and keeps what it was asked for. */
  #asked: ConsumerSession | undefined

  constructor(parts: FetcherParts) {
    this.#parts = parts
  }

  /**
   * Asks for the positions of all partitions that have nothing to deliver and aren't paused, by what has changed since
   * the last fetch. One takes from them in the order in which they were asked for, until it is full.
   */
  nextPositions(session: ConsumerSession): Required<Pick<FetchRequest, 'positions' | 'changes'>> {
    const { assignment } = this.#parts
    const isFull = session !== this.#asked || session.isOutOfStep === true
    if (isFull) for (const each of assignment.partitions) each.answered()
    this.#asked = session
    const positions: TopicPosition[] = []
    const forgotten: TopicPartition[] = []
    let kept = 0
    for (const each of assignment.unasked) {
      // Hot path: nothing is looked up here.
      if (each.buffer !== undefined) assignment.unasked[kept++] = each
      else if (!each.isPaused && !each.isGivenUp) positions.push(each.ask())
      else if (each.unwanted() && !isFull) forgotten.push({ topic: each.topic, partition: each.partition })
    }
    assignment.unasked.length = kept
    return { positions, changes: { isFull, forgotten } }
  }

  /** The fetch failed: nobody knows what the log keeps of it. */
  failed(): void {
    this.#asked = undefined
  }

  /**
   * The error of a damaged partition is thrown only once the others have nothing to deliver, so that it doesn't hold
   * them up: the partition is asked for again. What a paused one has waits for its resume, as in Kafka's client
   * (KAFKA-7548). What a handler throws comes once.
   */
  async fill(fetched: readonly FetchedPartition[]): Promise<void> {
    const { assignment } = this.#parts
    const failed: unknown[] = []
    const lost: AssignedPartition[] = []
    for (const each of fetched) await this.#fill(each, lost).catch((error: unknown) => failed.push(error))
    if (lost.length > 0) await assignment.lose(isOneOf(lost))
    const hasRecords = (each: AssignedPartition) => !each.isPaused && each.buffer !== undefined
    if (failed.length > 0 && !assignment.unasked.some(hasRecords)) throw failed[0]
  }

  /** Adds the partition to `lost` where its topic is gone. */
  async #fill(fetched: FetchedPartition, lost: AssignedPartition[]): Promise<void> {
    const { assignment, decoders, start, mustHaveOffset } = this.#parts
    const assigned = assignment.at(fetched)
    const decoder = decoders.get(fetched.topic)
    if (assigned === undefined || decoder === undefined) return
    assigned.answered()
    const from = assigned.askedFrom
    // The program has called `seek` since: this isn't what is wanted now.
    if (from === undefined || assigned.position !== from) return
    if (fetched.error === undefined) {
      const { topic, partition } = fetched
      const source = { topic, partition, decoder, held: assigned, loan: undefined }
      assigned.fill(new FetchedRecords(fetched, source, from, Number.POSITIVE_INFINITY))
      return
    }
    // The group rebalances over the topic that has the name now.
    if (LogError.is(fetched.error, 'UNKNOWN_TOPIC_ID')) {
      lost.push(assigned)
      return
    }
    if (!LogError.is(fetched.error, 'OFFSET_OUT_OF_RANGE') || mustHaveOffset) throw fetched.error
    try {
      const [reset] = await start.reset([assigned])
      // The program may have called `seek` meanwhile.
      if (reset !== undefined && assigned.position === from) assigned.reset(reset.nextOffset)
    } catch (error) {
      if (!LogError.is(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw error
      lost.push(assigned)
    }
  }
}

/** Those of a topic are lost together, and there may be thousands. */
function isOneOf(partitions: readonly AssignedPartition[]): (partition: AssignedPartition) => boolean {
  const all = new Set(partitions)
  return (partition) => all.has(partition)
}
