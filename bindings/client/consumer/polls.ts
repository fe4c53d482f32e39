import type { ConsumerSession } from '../../broker/consumer-session.ts'
import type { FetchedPartition } from '../../broker/reader-session.ts'
import type { RuntimePort } from '../../broker/runtime-port.ts'
import { LogError } from '../../model/errors.ts'
import type { AssignedStart } from './assigned-start.ts'
import type { Assignment } from './assignment.ts'
import type { Decoder } from './consumed-record.ts'
import type { ConsumerSettings } from './consumer-options.ts'
import { Fetcher } from './fetcher.ts'
import { PollReminder } from './poll-reminder.ts'

export interface PollsParts {
  readonly port: RuntimePort
  readonly settings: ConsumerSettings
  readonly assignment: Assignment
  readonly start: AssignedStart
  readonly decoders: ReadonlyMap<string, Decoder>
  /** The group has put the member out. Resolves once its handlers were told that all partitions are lost. */
  putOut(session: ConsumerSession): Promise<void>
}

/**
 * A member's polls: fetches, by which the group sees that the program still asks for records. Handlers may be told of
 * what an answer says is lost.
 */
export class Polls {
  readonly #settings: ConsumerSettings
  readonly #fetcher: Fetcher
  readonly #reminder: PollReminder
  readonly #putOut: (session: ConsumerSession) => Promise<void>
  #takingIn: Promise<void> | undefined

  constructor({ port, settings, assignment, start, decoders, putOut }: PollsParts) {
    this.#settings = settings
    this.#putOut = putOut
    this.#reminder = new PollReminder(port, settings.maxPollIntervalMs / 10)
    const mustHaveOffset = settings.autoOffsetReset === 'none'
    this.#fetcher = new Fetcher({ assignment, start, decoders, mustHaveOffset })
  }

  /** Whether the group is to hear that the program still asks for records, though it has fetched some ahead. */
  get isDue(): boolean {
    return this.#reminder.isDue
  }

  /** Settles once the answer that is there was taken in, and handlers were told of what it says is lost. */
  get takingIn(): Promise<void> | undefined {
    return this.#takingIn
  }

  iterationBegan(): void {
    this.#reminder.iterationBegan()
  }

  /** Waits for records; not if a poll is due, since there may still be records that were fetched before. */
  async poll(session: ConsumerSession, maxBytes: number): Promise<void> {
    const { isolationLevel } = this.#settings
    let fetched: readonly FetchedPartition[]
    try {
      const { positions, changes } = this.#fetcher.nextPositions(session)
      fetched = await session.fetch({ positions, changes, isolationLevel, maxBytes, wait: !this.isDue })
      this.#reminder.polled()
    } catch (error) {
      this.#fetcher.failed()
      if (!LogError.is(error) || error.category !== 'rejoin') throw error
      return this.#takeIn(this.#putOut(session))
    }
    return this.#takeIn(this.#fetcher.fill(fetched))
  }

  #takeIn(taking: Promise<void>): Promise<void> {
    this.#takingIn = taking.finally(() => {
      this.#takingIn = undefined
    })
    return this.#takingIn
  }

  stop(): void {
    this.#reminder.stop()
  }
}
