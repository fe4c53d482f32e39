import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PollDeadlines } from '../../../bindings/coordinator/group/poll-deadlines.ts'

function expiredAt(deadlines: PollDeadlines, now: number): string[] {
  return deadlines.expired(now).map(({ memberId }) => memberId)
}

test('a member expires at its deadline, not before, and until it is removed', () => {
  const deadlines = new PollDeadlines()
  assert.is(deadlines.next(), undefined)
  deadlines.set('g', 'slow', 100, 0)
  deadlines.set('h', 'fast', 50, 10)
  assert.is(deadlines.next(), 60)
  assert.equal(expiredAt(deadlines, 59), [])
  assert.equal(expiredAt(deadlines, 60), ['fast'])
  assert.equal(expiredAt(deadlines, 100), ['fast', 'slow'])
  deadlines.remove('h', 'fast')
  assert.equal(expiredAt(deadlines, 100), ['slow'])
})

test('a poll moves the deadline, waiting inside one stops it', () => {
  const deadlines = new PollDeadlines()
  deadlines.set('g', 'm', 100, 0)
  deadlines.restart('g', 'm', 90)
  assert.equal(expiredAt(deadlines, 189), [])
  assert.is(deadlines.next(), 190)
  deadlines.suspend('g', 'm')
  assert.equal(expiredAt(deadlines, 1e9), [])
  assert.is(deadlines.next(), undefined)
  deadlines.restart('g', 'm', 1e9)
  assert.is(deadlines.next(), 1e9 + 100)
  assert.equal(expiredAt(deadlines, 1e9 + 100), ['m'])
})

test('an unknown member has no deadline to move', () => {
  const deadlines = new PollDeadlines()
  deadlines.restart('g', 'm', 5)
  deadlines.suspend('g', 'm')
  assert.is(deadlines.next(), undefined)
})

test.run()
