import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { assignRange } from '../../../bindings/coordinator/group/range-assignor.ts'

function dealt(members: Readonly<Record<string, readonly string[]>>, counts: Readonly<Record<string, number>>): object {
  const subscriptions = Object.entries(members).map(([memberId, topics]) => ({ memberId, topics }))
  const assigned = assignRange(subscriptions, (topic) => counts[topic])
  const text = [...assigned].map(([memberId, partitions]) => {
    return [memberId, partitions.map(({ topic, partition }) => `${topic}${partition}`).join(' ')]
  })
  return Object.fromEntries(text)
}

test('a single member gets every partition, topics in the order of its subscription', () => {
  assert.equal(dealt({ m: ['b', 'a'] }, { a: 2, b: 3 }), { m: 'b0 b1 b2 a0 a1' })
})

test('a topic that does not exist, or is named twice, adds nothing', () => {
  assert.equal(dealt({ m: ['a', 'gone', 'a'] }, { a: 1 }), { m: 'a0' })
  assert.equal(dealt({ m: [] }, { a: 1 }), { m: '' })
})

test('the first members take what does not divide', () => {
  assert.equal(dealt({ b: ['a'], a: ['a'] }, { a: 5 }), { a: 'a0 a1 a2', b: 'a3 a4' })
  assert.equal(dealt({ a: ['t'], b: ['t'], c: ['t'] }, { t: 2 }), { a: 't0', b: 't1', c: '' })
  assert.equal(dealt({ a: ['t', 'u'], b: ['u'] }, { t: 2, u: 2 }), { a: 't0 t1 u0', b: 'u1' })
})

test('for any number of members each partition has one owner, and shares differ by at most one', () => {
  for (let members = 1; members <= 7; members++) {
    for (let partitions = 0; partitions <= 15; partitions++) {
      const subscriptions = Array.from({ length: members }, (_, index) => ({ memberId: `m${index}`, topics: ['t'] }))
      const shares = [...assignRange(subscriptions, () => partitions).values()]
      const owned = shares.flat().map(({ partition }) => partition)
      assert.equal(
        owned,
        Array.from({ length: partitions }, (_, index) => index),
      )
      const sizes = shares.map((share) => share.length)
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1)
    }
  }
})

test.run()
