// Items side by side, each key's in order: what it costs to find the next one doesn't grow with their number.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inKeyOrder } from '../../bindings/client/process/key-order.ts'
import { SmallestFirst } from '../../bindings/client/process/smallest-first.ts'
import { randomOf } from '../log/catalogue/random.ts'

const slice = { isOver: () => false, yieldIfDue: () => undefined }

for (const [name, keyOf] of [
  ['one hot key', () => 'hot'],
  ['a key each', (item: number) => `${item}`],
  ['a hot key among others', (item: number) => (item % 2 === 0 ? 'hot' : `${item}`)],
] as const) {
  test(`${name}: a few looks for each item`, async () => {
    const count = 2000
    let looks = 0
    const has = Set.prototype.has
    Set.prototype.has = function (value) {
      looks++
      return has.call(this, value)
    }
    try {
      const items = Array.from({ length: count }, (_, index) => index)
      const work = async (item: number) => {
        await Promise.resolve()
        return item
      }
      assert.equal(await inKeyOrder(items, { width: 500, keyOf, work, slice }), items)
    } finally {
      Set.prototype.has = has
    }
    assert.ok(looks < 10 * count, `${looks} looks for ${count} items`)
  })
}

test('it begins with the first item that may run: each key in order, at most as many ahead as it says', async () => {
  const random = randomOf(3)
  for (let round = 0; round < 50; round++) {
    const width = 2 + random.below(5)
    const keys = Array.from({ length: 200 }, () => `${random.below(1 + round)}`)
    const running = new Map<string, number>()
    const open = new Set(keys.keys())
    let most = 0
    const work = async (index: number) => {
      const key = keys[index] as string
      assert.not(running.has(key))
      assert.ok(![...open].some((each) => each < index && keys[each] === key && !running.has(key)), 'in order')
      assert.ok(index < Math.min(...open) + 16 * width)
      running.set(key, index)
      most = Math.max(most, running.size)
      for (let turns = random.below(4); turns > 0; turns--) await Promise.resolve()
      running.delete(key)
      open.delete(index)
      return index
    }
    const items = [...keys.keys()]
    assert.equal(await inKeyOrder(items, { width, keyOf: (index) => keys[index] as string, work, slice }), items)
    assert.ok(most <= width)
  }
})

test('numbers come by their size, whatever was added between', () => {
  const random = randomOf(9)
  const heap = new SmallestFirst()
  let kept: number[] = []
  for (let step = 0; step < 5000; step++) {
    if (random.below(5) < 3) {
      const number = random.below(1000)
      heap.add(number)
      kept = [...kept, number].sort((a, b) => a - b)
    } else assert.is(heap.take(), kept.shift())
    assert.is(heap.first, kept[0])
  }
})

test.run()
