import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LiveGroups } from '../../../bindings/coordinator/group/live-groups.ts'
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

// As in a program that never returns from its records while the others of its group come and go.
test('a member that joins again has no more time until its next poll for that', () => {
  const live = new LiveGroups()
  const member = { groupId: 'g', memberId: 'm' }
  const join = (now: number) => {
    const rest = { topics: ['t'], owned: [], assignors: ['range'], maxPollIntervalMs: 100 }
    live.join({ ...member, ...rest, clientId: 'c', rejoins: now > 0, now }, 0)
    live.takeNotices(now)
  }
  join(0)
  join(60)
  assert.equal(live.expired(99), [])
  assert.equal(live.expired(100), [member])
})

test.run()
