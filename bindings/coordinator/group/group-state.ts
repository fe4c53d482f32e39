import type { ErrorCode } from '../../model/error-table.ts'

/**
 * Kafka's names. A rebalance: members join (Preparing), their leader assigns partitions (Completing), all go on
 * (Stable).
 */
export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

/**
 * - `join`: a new member joins, or a member joins again
 * - `all-joined`: every member has asked for the next generation
 * - `sync`: a member asks for its assignment; `assigned`: the leader's assignments are durable
 * - `commit`: a member commits in the group's generation; `commit-from-outside`: somebody else sets offsets by hand
 * - `change`: the group's topics have other partitions than before
 * - `release`: the coordinator ends, and assigns nothing any more
 * - `leave`: a member leaves while others stay; `leave-last`: the last one leaves
 */
export type GroupEvent =
  | 'join'
  | 'all-joined'
  | 'sync'
  | 'assigned'
  | 'commit'
  | 'commit-from-outside'
  | 'change'
  | 'release'
  | 'leave'
  | 'leave-last'

type Row = Readonly<Record<GroupEvent, GroupState | ErrorCode>>

const nobody = 'UNKNOWN_MEMBER_ID'
const rebalance = 'PreparingRebalance'
/** Kafka's classic protocol (kafka.md 5.1); what a member keeps it may commit while the others join. */
const TABLE: Readonly<Record<GroupState, Row>> = {
  Empty: {
    join: rebalance,
    'all-joined': 'Empty',
    sync: nobody,
    assigned: 'Empty',
    commit: nobody,
    'commit-from-outside': 'Empty',
    change: 'Empty',
    release: 'CompletingRebalance',
    leave: nobody,
    'leave-last': nobody,
  },
  PreparingRebalance: {
    join: rebalance,
    'all-joined': 'CompletingRebalance',
    sync: 'REBALANCE_IN_PROGRESS',
    assigned: rebalance,
    commit: rebalance,
    'commit-from-outside': 'NON_EMPTY_GROUP',
    change: rebalance,
    release: 'CompletingRebalance',
    leave: rebalance,
    'leave-last': 'Empty',
  },
  CompletingRebalance: {
    join: rebalance,
    'all-joined': 'CompletingRebalance',
    sync: 'CompletingRebalance',
    assigned: 'Stable',
    commit: 'REBALANCE_IN_PROGRESS',
    'commit-from-outside': 'NON_EMPTY_GROUP',
    change: rebalance,
    release: 'CompletingRebalance',
    leave: rebalance,
    'leave-last': 'Empty',
  },
  Stable: {
    join: rebalance,
    'all-joined': 'Stable',
    sync: 'Stable',
    assigned: 'Stable',
    commit: 'Stable',
    'commit-from-outside': 'NON_EMPTY_GROUP',
    change: rebalance,
    release: 'CompletingRebalance',
    leave: rebalance,
    'leave-last': 'Empty',
  },
}

export function nextGroupState(state: GroupState, event: GroupEvent): GroupState | ErrorCode {
  return TABLE[state][event]
}

export function isGroupState(outcome: GroupState | ErrorCode): outcome is GroupState {
  return Object.hasOwn(TABLE, outcome)
}

/** An int32 in Kafka's formats: it begins again after the last one. */
export function nextGeneration(generation: number): number {
  return generation >= 0x7fffffff ? 1 : generation + 1
}
