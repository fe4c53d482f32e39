// A word where the bench wants a number once had it run over nothing, and pass.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { numberArgument, numbersArgument } from '../../bench/harness/number-argument.ts'

function given<T>(words: readonly string[], ask: () => T): T {
  const before = process.argv
  process.argv = [...before.slice(0, 2), ...words]
  try {
    return ask()
  } finally {
    process.argv = before
  }
}

test('a number is taken, and the usual one where none is given', () => {
  assert.equal(
    given(['7'], () => [numberArgument(1, 5), numberArgument(2, 3)]),
    [7, 3],
  )
  assert.equal(
    given(['1,20'], () => numbersArgument(1, [5])),
    [1, 20],
  )
  assert.equal(
    given([], () => numbersArgument(1, [5])),
    [5],
  )
})

test('what is no number above 0 is refused', () => {
  for (const word of ['x', '', '0', '-1', 'Infinity', '5MiB']) {
    assert.throws(() => given([word], () => numberArgument(1, 5)), 'must be a number above 0', word)
    assert.throws(() => given([`3,${word}`], () => numbersArgument(1, [5])), 'must be a number above 0', word)
  }
})

test.run()
