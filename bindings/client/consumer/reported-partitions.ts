import type { TopicPartition } from '../../model/positions.ts'
import type { Assignment } from './assignment.ts'

/**
 * What a member told its group last that it holds (KIP-429's ownedPartitions). Nobody else is given that before the
 * group hears otherwise.
 */
export class ReportedPartitions {
  #reported: readonly TopicPartition[] = []
  #times = 0

  /** How often the group was told. */
  get times(): number {
    return this.#times
  }

  report(owned: readonly TopicPartition[]): readonly TopicPartition[] {
    this.#times++
    this.#reported = owned
    return owned
  }

  /**
   * Whether the member has since given up, lost or never taken one of them, for instance because of an answer to a
   * fetch.
   */
  isMoreThan(assignment: Assignment): boolean {
    return this.#reported.some((each) => assignment.at(each) === undefined)
  }
}
