import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type GroupEvent,
  type GroupState,
  isGroupState,
  nextGeneration,
  nextGroupState,
} from '../../../bindings/coordinator/group/group-state.ts'

const states: readonly GroupState[] = ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable']

/** Outcomes in the order of `states`; Kafka's table of the classic protocol. */
const expected: Readonly<Record<GroupEvent, readonly string[]>> = {
  join: ['PreparingRebalance', 'PreparingRebalance', 'PreparingRebalance', 'PreparingRebalance'],
  'all-joined': ['Empty', 'CompletingRebalance', 'CompletingRebalance', 'Stable'],
  sync: ['UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS', 'CompletingRebalance', 'Stable'],
  assigned: ['Empty', 'PreparingRebalance', 'Stable', 'Stable'],
  commit: ['UNKNOWN_MEMBER_ID', 'PreparingRebalance', 'REBALANCE_IN_PROGRESS', 'Stable'],
  'commit-from-outside': ['Empty', 'NON_EMPTY_GROUP', 'NON_EMPTY_GROUP', 'NON_EMPTY_GROUP'],
  change: ['Empty', 'PreparingRebalance', 'PreparingRebalance', 'PreparingRebalance'],
  release: ['CompletingRebalance', 'CompletingRebalance', 'CompletingRebalance', 'CompletingRebalance'],
  leave: ['UNKNOWN_MEMBER_ID', 'PreparingRebalance', 'PreparingRebalance', 'PreparingRebalance'],
  'leave-last': ['UNKNOWN_MEMBER_ID', 'Empty', 'Empty', 'Empty'],
}

test('every state meets every event', () => {
  for (const [event, outcomes] of Object.entries(expected)) {
    assert.is(outcomes.length, states.length)
    states.forEach((state, index) => {
      const next = nextGroupState(state, event as GroupEvent)
      assert.is(next, outcomes[index], `${state} x ${event}`)
      assert.is(isGroupState(next), states.includes(next as GroupState))
    })
  }
})

test('generations go up, and begin again after the last int32', () => {
  assert.is(nextGeneration(0), 1)
  assert.is(nextGeneration(2147483646), 2147483647)
  assert.is(nextGeneration(2147483647), 1)
})

test.run()
