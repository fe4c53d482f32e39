import type { ConsumerSession, GivenPartition, GroupMember } from '../../broker/consumer-session.ts'
import { LogError } from '../../model/errors.ts'
import type { TopicPartition } from '../../model/positions.ts'
import type { Assignor } from './assignor.ts'
import { existingTopic } from './existing-topic.ts'
import { assignPartitions } from './lead.ts'

/**
 * Joins the group, again for as long as that is asked, assigns partitions where this member leads, and resolves with
 * this member's partitions. It runs beside the deliveries: the member keeps what it holds until the outcome comes into
 * force.
 */
export class Rebalance {
  readonly #session: ConsumerSession
  readonly #assignor: Assignor
  /** Generation of the newest assignment, in force or not; -1 before the first. */
  generation = -1
  #isAskedAgain = false

  constructor(session: ConsumerSession, assignor: Assignor) {
    this.#session = session
    this.#assignor = assignor
  }

  get isAskedAgain(): boolean {
    return this.#isAskedAgain
  }

  /** The group wants its members to join again. */
  askAgain(): void {
    this.#isAskedAgain = true
  }

  /** `owned` is called at every attempt, because the member may have given something up meanwhile. */
  async run(owned: () => readonly TopicPartition[]): Promise<readonly GivenPartition[]> {
    for (;;) {
      this.#isAskedAgain = false
      try {
        const { generation, members } = await this.#session.join(owned())
        const assignments = members.length === 0 ? [] : await this.#lead(members)
        const partitions = await this.#session.sync(generation, assignments)
        this.generation = generation
        if (!this.#isAskedAgain) return partitions
      } catch (error) {
        if (!LogError.is(error, 'REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION')) throw error
      }
    }
  }

  async #lead(members: readonly GroupMember[]) {
    const counts = new Map<string, number>()
    // A deleted topic has no partitions; its readers hear of it when they fetch.
    for (const topic of new Set(members.flatMap((member) => member.topics)))
      counts.set(topic, (await existingTopic(this.#session, topic))?.partitions ?? 0)
    return assignPartitions(this.#assignor, members, counts)
  }
}
