import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type GroupEvent,
  type GroupState,
  isGroupState,
  nextGeneration,
  nextGroupState,
} from '../../../bindings/coordinator/group/group-state.ts'

const expected: readonly (readonly [GroupState, GroupEvent, string])[] = [
  ['Empty', 'join', 'Stable'],
  ['Empty', 'rejoin', 'UNKNOWN_MEMBER_ID'],
  ['Empty', 'commit', 'UNKNOWN_MEMBER_ID'],
  ['Empty', 'leave', 'UNKNOWN_MEMBER_ID'],
  ['Stable', 'join', 'GROUP_MAX_SIZE_REACHED'],
  ['Stable', 'rejoin', 'Stable'],
  ['Stable', 'commit', 'Stable'],
  ['Stable', 'leave', 'Empty'],
]

test('every state meets every event', () => {
  const states: readonly GroupState[] = ['Empty', 'Stable']
  const events: readonly GroupEvent[] = ['join', 'rejoin', 'commit', 'leave']
  assert.is(expected.length, states.length * events.length)
  for (const [state, event, outcome] of expected) {
    const next = nextGroupState(state, event)
    assert.is(next, outcome, `${state} x ${event}`)
    assert.is(isGroupState(next), states.includes(outcome as GroupState))
  }
})

test('generations go up, and begin again after the last int32', () => {
  assert.is(nextGeneration(0), 1)
  assert.is(nextGeneration(2147483646), 2147483647)
  assert.is(nextGeneration(2147483647), 1)
})

test.run()
