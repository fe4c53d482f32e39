import type { GroupMember } from '../../broker/consumer-session.ts'
import type { TopicPartition } from '../../model/positions.ts'

/** Decides who reads what in a consumer group. It runs in the member that leads the generation. */
export interface Assignor {
  /** Its name: all members of a group must use an assignor of the same name. */
  readonly name: string
  /**
   * Returns the partitions of each member, by member id. `partitionCounts` has every topic that a member reads, with
   * its number of partitions. A partition goes to at most one member, which must read its topic. A partition that a
   * member holds (`owned`) and isn't assigned again is revoked from it before another member gets it.
   */
  assign(
    members: readonly GroupMember[],
    partitionCounts: ReadonlyMap<string, number>,
  ): ReadonlyMap<string, readonly TopicPartition[]>
}
