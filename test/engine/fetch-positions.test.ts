// Lists of positions whose links are in the positions themselves: whichever leaves, the others stay in their order.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type AskedPosition, PositionList } from '../../bindings/engine/fetch-positions.ts'

function position(): AskedPosition {
  return { list: undefined, previous: undefined, next: undefined } as never
}

function orders<T>(all: readonly T[]): T[][] {
  if (all.length === 0) return [[]]
  return all.flatMap((first) => orders(all.filter((each) => each !== first)).map((rest) => [first, ...rest]))
}

test('in whichever order positions leave their list, those that are left stay in theirs', () => {
  for (const order of orders([0, 1, 2, 3])) {
    const list = new PositionList()
    let left = order.map(position)
    for (const each of left) list.add(each)
    for (const leaving of order.map((index) => left[index] as AskedPosition)) {
      list.remove(leaving)
      left = left.filter((each) => each !== leaving)
      const all = list.all()
      assert.ok(all.length === left.length && all.every((each, index) => each === left[index]), String(order))
      assert.ok(list.first === left[0])
    }
    list.add(position())
    assert.is(list.all().length, 1)
  }
})

test.run()
