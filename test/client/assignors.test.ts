// Who reads what: each assignor by itself, and what the leader of a group makes of its plan.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GroupMember } from '../../bindings/broker/consumer-session.ts'
import type { Assignor } from '../../bindings/client/consumer/assignor.ts'
import { assignPartitions } from '../../bindings/client/consumer/lead.ts'
import { rangeAssignor } from '../../bindings/client/consumer/range-assignor.ts'
import { stickyAssignor } from '../../bindings/client/consumer/sticky-assignor.ts'
import type { TopicPartition } from '../../bindings/model/positions.ts'
import { randomOf } from '../log/catalogue/random.ts'
import { failure } from './support.ts'

type Owned = Readonly<Record<string, readonly TopicPartition[]>>

function members(topics: Readonly<Record<string, readonly string[]>>, owned: Owned = {}): GroupMember[] {
  return Object.entries(topics).map(([memberId, read]) => ({ memberId, topics: read, owned: owned[memberId] ?? [] }))
}

const t = (partition: number): TopicPartition => ({ topic: 't', partition })

function dealt(
  assignor: Assignor,
  topics: Readonly<Record<string, readonly string[]>>,
  counts: Readonly<Record<string, number>>,
): object {
  const plan = assignor.assign(members(topics), new Map(Object.entries(counts)))
  const text = [...plan].map(([memberId, partitions]) => {
    return [memberId, partitions.map(({ topic, partition }) => `${topic}${partition}`).join(' ')]
  })
  return Object.fromEntries(text)
}

test('range: a single member gets every partition', () => {
  assert.equal(dealt(rangeAssignor, { m: ['b', 'a'] }, { b: 3, a: 2 }), { m: 'b0 b1 b2 a0 a1' })
  assert.equal(dealt(rangeAssignor, { m: [] }, { a: 1 }), { m: '' })
})

test('range: the first members take what does not divide', () => {
  assert.equal(dealt(rangeAssignor, { b: ['a'], a: ['a'] }, { a: 5 }), { a: 'a0 a1 a2', b: 'a3 a4' })
  assert.equal(dealt(rangeAssignor, { a: ['t'], b: ['t'], c: ['t'] }, { t: 2 }), { a: 't0', b: 't1', c: '' })
  assert.equal(dealt(rangeAssignor, { a: ['t', 'u'], b: ['u'] }, { t: 2, u: 2 }), { a: 't0 t1 u0', b: 'u1' })
})

test('both: for any number of members each partition has one owner, and shares of a topic differ by at most one', () => {
  for (const assignor of [rangeAssignor, stickyAssignor]) {
    for (let count = 1; count <= 7; count++) {
      for (let partitions = 0; partitions <= 15; partitions++) {
        const group = Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, ['t']]))
        const shares = [...assignor.assign(members(group), new Map([['t', partitions]])).values()]
        const owned = shares.flat().map(({ partition }) => partition)
        assert.equal(
          owned.sort((a, b) => a - b),
          Array.from({ length: partitions }, (_, index) => index),
        )
        const sizes = shares.map((share) => share.length)
        assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1)
      }
    }
  }
})

test('sticky: a member that can give up nothing of what it has most of is asked once for each topic', () => {
  const partitions = 500
  const group = {
    ...{ alone: ['a'], first: ['b'] },
    ...Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`m${index}`, ['b']])),
  }
  const all = (topic: string) => Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  const counts = new Map(['a', 'b'].map((topic) => [topic, partitions]))
  let looks = 0
  const has = Set.prototype.has
  Set.prototype.has = function (value) {
    looks++
    return has.call(this, value)
  }
  let plan: ReadonlyMap<string, readonly TopicPartition[]>
  try {
    plan = stickyAssignor.assign(members(group, { alone: all('a'), first: all('b') }), counts)
  } finally {
    Set.prototype.has = has
  }
  assert.equal([...new Set([...plan.values()].map(({ length }) => length))], [partitions, partitions / 10])
  // For each of the moves a look at each of the members, and one at each partition of the largest one.
  assert.ok(looks < 2 * partitions * partitions, `${looks} looks`)
})

test('sticky: members that come and go move no more than the balance asks for', () => {
  const random = randomOf(5)
  const counts = new Map([['t', 24]])
  let owned: Record<string, readonly TopicPartition[]> = {}
  for (let round = 0; round < 200; round++) {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'].filter(() => random.below(3) > 0)
    if (names.length === 0) names.push('a')
    const before = owned
    const group = members(Object.fromEntries(names.map((name) => [name, ['t']])), before)
    const plan = stickyAssignor.assign(group, counts)
    owned = Object.fromEntries(plan)
    const sizes = names.map((name) => owned[name]?.length ?? 0)
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, JSON.stringify(sizes))
    assert.is(new Set([...plan.values()].flat().map(({ partition }) => partition)).size, 24)
    // What a member kept is the least of what it had and what it has now: nothing was exchanged.
    const most = Math.max(...sizes)
    for (const name of names) {
      const had = before[name] ?? []
      const kept = had.filter(({ partition }) => owned[name]?.some((each) => each.partition === partition))
      assert.ok(kept.length >= Math.min(had.length, most - 1), `${name} kept ${kept.length} of ${had.length}`)
    }
  }
})

test('the leader gives nobody what another member still holds', () => {
  const group = members({ a: ['t'], b: ['t'] }, { a: [t(0), t(1), t(2), t(3)] })
  const counts = new Map([['t', 4]])
  assert.equal(assignPartitions(rangeAssignor, group, counts), [
    { memberId: 'a', partitions: [t(0), t(1)] },
    { memberId: 'b', partitions: [] },
  ])
  const given = members({ a: ['t'], b: ['t'] }, { a: [t(0), t(1)] })
  assert.equal(assignPartitions(rangeAssignor, given, counts)[1], { memberId: 'b', partitions: [t(2), t(3)] })
})

test("an impossible plan of a user's own assignor is refused", async () => {
  const t0 = { topic: 't', partition: 0 }
  const plans: unknown[] = [
    undefined,
    {},
    new Map([['stranger', [t0]]]),
    new Map([['a', [t0, t0]]]),
    new Map([
      ['a', [t0]],
      ['b', [t0]],
    ]),
    new Map([['a', [{ topic: 't', partition: 1 }]]]),
    new Map([['a', [{ topic: 'u', partition: 0 }]]]),
    new Map([['a', [{ topic: 'of b', partition: 0 }]]]),
    new Map([['a', null]]),
    new Map([['a', [null]]]),
    new Map([['a', 't-0']]),
    new Map([['a', new Array(1)]]),
    new Map([[Symbol('stranger'), [t0]]]),
    new Map([['a', [{ topic: Symbol('t'), partition: 0 }]]]),
  ]
  for (const plan of plans) {
    const assignor = { name: 'mine', assign: () => plan as never }
    const error = await failure('INVALID_REQUEST', () => {
      const group = members({ a: ['t'], b: ['t', 'of b'] })
      const counts = new Map([
        ['t', 1],
        ['of b', 1],
      ])
      assignPartitions(assignor, group, counts)
    })
    assert.is(error.details['option'], 'assignor')
  }
})

// Regression: what another member holds was given away, and the group wasn't asked about a topic that had changed.
test("an assignor of the user's own may use up what it is given", () => {
  const group = members({ a: ['t'], b: ['t'] }, { a: [t(0)] })
  const counts = new Map([['t', 2]])
  const greedy: Assignor = {
    name: 'mine',
    assign(given, partitions) {
      const [first, last] = given as { memberId: string; topics: string[]; owned: unknown[] }[]
      for (const list of [first?.owned, first?.topics, given as unknown[]]) list?.splice(0)
      const rest = partitions as Map<string, number>
      rest.clear()
      return new Map([[last?.memberId ?? '', [t(0), t(1)]]])
    },
  }
  assert.equal(assignPartitions(greedy, group, counts), [
    { memberId: 'a', partitions: [] },
    { memberId: 'b', partitions: [t(1)] },
  ])
  assert.equal(group, members({ a: ['t'], b: ['t'] }, { a: [t(0)] }))
  assert.is(counts.get('t'), 2)
})

// Regression: a member that was given a partition with a topic's id went by that id, and had no record.
// 40 members that read 4,000 topics had their process stand still for seconds.
test('a topic that a member reads is looked at once by the range assignor, and once as its plan is checked', () => {
  const names = Array.from({ length: 200 }, (_, index) => `topic-${index}`)
  let looks = 0
  const topics = new Proxy(names, {
    get(target, key, receiver) {
      if (typeof key === 'string' && /^[0-9]+$/.test(key)) looks++
      return Reflect.get(target, key, receiver)
    },
  })
  const subscribed = ['a', 'b'].map((memberId) => ({ memberId, topics, owned: [] }))
  const counts = new Map(names.map((name) => [name, 2]))
  rangeAssignor.assign(subscribed, counts)
  assert.is(looks, 2 * names.length)
  looks = 0
  assignPartitions(rangeAssignor, subscribed, counts)
  assert.is(looks, 2 * 2 * names.length, 'copied for the assignor, and checked')
})

test("of a plan of the user's own only topics and partitions count", () => {
  const place = { ...t(0), topicId: 'of another topic' }
  const [given] = assignPartitions(
    { name: 'mine', assign: () => new Map([['a', [place]]]) },
    members({ a: ['t'] }),
    new Map([['t', 1]]),
  )
  place.partition = 1
  assert.equal(given, { memberId: 'a', partitions: [t(0)] })
})

test.run()
