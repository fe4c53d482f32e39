// What waits to be removed may lie in thousands of partitions: a step costs as much as what it looks at.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Removals } from '../../bindings/engine/removals.ts'
import { runNow } from '../log/support.ts'

const COUNT = 1000

test('a step goes through no more than it looks at, and each partition has its turn', () => {
  const asked: number[] = []
  const ids = Array.from({ length: COUNT }, (_, partition) => ({ topicId: 'id', topic: 't', partition }))
  const store = {
    // biome-ignore lint/correctness/useYield: a task that needs nothing from outside
    *deleteBefore({ partition }: { partition: number }) {
      asked.push(partition)
      return asked.length <= COUNT ? 'more' : 'done'
    },
  }
  const topics = { ids: () => ids, find: () => ({}) }
  const removals = new Removals(1000, topics as never, store as never, { logStartOffset: () => 1 } as never)
  removals.begin()
  let looks = 0
  const iterator = Object.getPrototypeOf(new Map().entries()) as { next(): unknown }
  const { next } = iterator
  iterator.next = function () {
    looks++
    return next.call(this)
  }
  try {
    for (let step = removals.next(); step !== undefined; step = removals.next()) runNow(step)
  } finally {
    iterator.next = next
  }
  const partitions = ids.map(({ partition }) => partition)
  assert.equal(asked, [...partitions, ...partitions])
  assert.ok(looks < 5 * COUNT, `${looks} looks`)
})

test.run()
