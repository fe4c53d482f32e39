// A log that is short of files waits for others to close theirs; a close waits a second, however much of it waits.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Pauses } from '../../../bindings/log/store/pauses.ts'
import { PAUSE_MS } from '../../../bindings/storage/sparing-store.ts'

function counted(): { pauses: Pauses; waits: number[]; end: () => void } {
  const waits: number[] = []
  const ends: (() => void)[] = []
  const pauses = new Pauses((delayMs) => {
    waits.push(delayMs)
    return new Promise((resolve) => ends.push(resolve))
  })
  const end = () => {
    for (const each of ends.splice(0)) each()
  }
  return { pauses, waits, end }
}

test('whoever waits at one moment waits for the same pause, and a limit counts pauses, not who waits', async () => {
  const { pauses, waits, end } = counted()
  pauses.limit(3)
  for (let round = 1; round <= 3; round++) {
    const waiting = Array.from({ length: 40 }, () => pauses.next())
    assert.ok(
      waiting.every((each) => each !== undefined),
      `round ${round}`,
    )
    assert.is(waits.length, round)
    end()
    await Promise.all(waiting)
  }
  assert.is(pauses.next(), undefined)
  assert.equal(new Set(waits), new Set([PAUSE_MS]))
})

test('without a limit there is always another one; where nobody gives any, none', async () => {
  const { pauses, waits, end } = counted()
  for (let round = 1; round <= 100; round++) {
    const next = pauses.next()
    end()
    await next
  }
  assert.is(waits.length, 100)
  assert.is(new Pauses(undefined).next(), undefined)
})

test('a limit never grows', () => {
  const { pauses } = counted()
  pauses.limit(0)
  pauses.limit(5)
  assert.is(pauses.next(), undefined)
})

test.run()
