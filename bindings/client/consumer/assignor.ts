import type { GroupMember } from '../../broker/consumer-session.ts'
import type { TopicPartition } from '../../model/positions.ts'

/** Decides who reads what in a consumer group. It runs in the member that leads the generation. */
export interface Assignor {
  /** All members of a group must bring an assignor of one name. */
  readonly name: string
  /**
   * The partitions of each member, by member id. `partitionCounts` has the topics that anybody reads, each with its number
   * of partitions. A partition goes to at most one member, which must read its topic. What a member holds already
   * (`owned`) and doesn't get back is taken from it before anybody else has it.
   */
  assign(
    members: readonly GroupMember[],
    partitionCounts: ReadonlyMap<string, number>,
  ): ReadonlyMap<string, readonly TopicPartition[]>
}
