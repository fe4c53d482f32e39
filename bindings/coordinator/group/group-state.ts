import type { ErrorCode } from '../../model/error-table.ts'

/**
 * Kafka's names. With one member a rebalance is done within the join, so the two states in between (PreparingRebalance,
 * CompletingRebalance) are not entered; they are rows to add when several members come.
 */
export type GroupState = 'Empty' | 'Stable'
/** `join`: of a new member; `rejoin`, `commit`, `leave` (or expiry): of one that is in the group. */
export type GroupEvent = 'join' | 'rejoin' | 'commit' | 'leave'

type Row = Readonly<Record<GroupEvent, GroupState | ErrorCode>>

const TABLE: Readonly<Record<GroupState, Row>> = {
  Empty: { join: 'Stable', rejoin: 'UNKNOWN_MEMBER_ID', commit: 'UNKNOWN_MEMBER_ID', leave: 'UNKNOWN_MEMBER_ID' },
  Stable: { join: 'GROUP_MAX_SIZE_REACHED', rejoin: 'Stable', commit: 'Stable', leave: 'Empty' },
}

export function nextGroupState(state: GroupState, event: GroupEvent): GroupState | ErrorCode {
  return TABLE[state][event]
}

export function isGroupState(outcome: GroupState | ErrorCode): outcome is GroupState {
  return Object.hasOwn(TABLE, outcome)
}

/** int32 in Kafka's formats; after the last one it begins again. */
export function nextGeneration(generation: number): number {
  return generation >= 0x7fffffff ? 1 : generation + 1
}
