import type { CommandOf } from './commands.ts'
import type { MissingBatch } from './fetch-reads.ts'
import { outOfRange } from './out-of-range.ts'
import type { Topics } from './topics.ts'

export interface LookupHooks {
  readonly topics: Pick<Topics, 'partition'>
  /** Reads the batch at `offset` into memory, then calls back. */
  prepare(missing: MissingBatch, then: (error: unknown) => void): void
}

/** Single records by their offset. */
export class RecordLookup {
  readonly #hooks: LookupHooks
  /** Commands that wait for the store. */
  readonly #pending = new Set<CommandOf<'find'>>()

  constructor(hooks: LookupHooks) {
    this.#hooks = hooks
  }

  /**
   * The batch that holds the record at an offset; `undefined` where a committed reader sees none, such as at a gap or a
   * marker. Throws OFFSET_OUT_OF_RANGE, UNKNOWN_TOPIC_OR_PARTITION.
   */
  find(command: CommandOf<'find'>): void {
    const { topic, partition, offset, done } = command
    const hosted = this.#hooks.topics.partition(topic, partition)
    const { logStartOffset } = hosted.partition.watermarks
    const { lastStableOffset } = hosted.partition
    if (offset < logStartOffset || offset >= lastStableOffset) {
      throw outOfRange({ topic, partition, nextOffset: offset }, logStartOffset, lastStableOffset)
    }
    const found = hosted.partition.find(offset)
    if (found === undefined || !('missing' in found)) return done(undefined, found)
    this.#pending.add(command)
    const missing = { hosted, offset: found.missing ?? offset, abortedUpTo: found.missingAborted }
    this.#hooks.prepare(missing, (error) => {
      if (!this.#pending.delete(command)) return
      // If the topic was deleted meanwhile, its files are gone: the next look finds out.
      if (error !== undefined && !hosted.isDead) return done(error)
      try {
        this.find(command)
      } catch (failure) {
        done(failure)
      }
    })
  }

  close(error: unknown): void {
    for (const { done } of this.#pending) done(error)
    this.#pending.clear()
  }
}
