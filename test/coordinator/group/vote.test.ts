import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { voteForAssignor } from '../../../bindings/coordinator/group/vote.ts'

test('of the assignors that all members know, the most preferred one wins', () => {
  assert.is(voteForAssignor([['range']]), 'range')
  assert.is(
    voteForAssignor([
      ['range', 'sticky'],
      ['sticky', 'range'],
      ['sticky', 'range'],
    ]),
    'sticky',
  )
  assert.is(
    voteForAssignor([
      ['range', 'sticky'],
      ['sticky', 'range'],
    ]),
    'range',
    'among equals the first member decides',
  )
  assert.is(voteForAssignor([['mine', 'range'], ['range']]), 'range', 'a favourite that not all know has no vote')
  assert.is(voteForAssignor([['range'], ['sticky']]), undefined)
  assert.is(voteForAssignor([[]]), undefined)
})

test.run()
