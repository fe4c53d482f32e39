import type { TopicPartition } from '../../model/positions.ts'
import type { Assignment } from './assignment.ts'

/**
 * What the group was told that a member holds. Nobody else is given that before the group hears otherwise (KIP-429).
 */
export class ToldPartitions {
  #told: readonly TopicPartition[] = []
  #times = 0

  /** How often the group was told. */
  get times(): number {
    return this.#times
  }

  tell(owned: readonly TopicPartition[]): readonly TopicPartition[] {
    this.#times++
    this.#told = owned
    return owned
  }

  /**
   * Whether the member has since given up, lost or never taken one of them, for instance because of an answer to a
   * fetch.
   */
  isMoreThan(assignment: Assignment): boolean {
    return this.#told.some((each) => assignment.at(each) === undefined)
  }
}
