// How tasks run: what they ask for is issued, and they go on with the results, in the order and shape in which they
// asked.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type IssuedEffect, TaskRunner } from '../../bindings/engine/task-runner.ts'
import type { Effect, Task } from '../../bindings/storage/effect.ts'

const effect = (target: string): Effect => ({ kind: 'flush', target, run: () => assert.unreachable('nobody runs it') })

type Asked = Effect | readonly Effect[]

/** A task that asks for one after the other, and what it was given for each: a value, or the error in brackets. */
function started(...asks: readonly Asked[]) {
  const runner = new TaskRunner()
  const heard: unknown[] = []
  const ends: unknown[][] = []
  const task = function* (): Task<string> {
    for (const each of asks) {
      try {
        heard.push(yield each)
      } catch (error) {
        heard.push([error])
      }
    }
    return 'end'
  }
  runner.start(task(), (...end) => ends.push(end))
  return { runner, heard, ends }
}

function targets(issued: readonly IssuedEffect[]): string[] {
  return issued.map((each) => each.effect.target)
}

test('nothing runs by itself: an effect is issued once, and the task waits for its result', () => {
  const { runner, heard, ends } = started(effect('a'), effect('b'))
  const [first, ...others] = runner.take()
  assert.equal([first?.effect.target, others, runner.take()], ['a', [], []])
  runner.complete(first!, { value: 1 })
  assert.equal(heard, [1])
  assert.equal(ends, [])
  const [second] = runner.take()
  assert.is(second?.effect.target, 'b')
  runner.complete(second!, { value: 2 })
  assert.equal(heard, [1, 2])
  assert.equal(ends, [[undefined, 'end']])
})

test('effects of a list are issued together, and answered in their order, whichever is complete first', () => {
  const { runner, heard } = started([effect('a'), effect('b'), effect('c')])
  const issued = runner.take()
  assert.equal(targets(issued), ['a', 'b', 'c'])
  for (const index of [2, 0, 1]) {
    assert.equal(heard, [])
    runner.complete(issued[index]!, { value: index })
  }
  assert.equal(heard, [[0, 1, 2]])
})

test('a list of one is answered by a list, and a value of undefined is one', () => {
  const { runner, heard } = started([effect('a')], effect('b'))
  runner.complete(runner.take()[0]!, { value: undefined })
  runner.complete(runner.take()[0]!, { value: undefined })
  assert.equal(heard, [[undefined], undefined])
})

test('an empty list is answered at once, as often as it comes', () => {
  const { runner, heard, ends } = started([], effect('a'), [], [])
  const issued = runner.take()
  assert.equal(targets(issued), ['a'])
  runner.complete(issued[0]!, { value: 1 })
  assert.equal(heard, [[], 1, [], []])
  assert.equal(ends, [[undefined, 'end']])
})

test('an error is thrown where the task waits, and the task may go on', () => {
  const { runner, heard, ends } = started(effect('a'), effect('b'))
  runner.complete(runner.take()[0]!, { error: 'refused' })
  runner.complete(runner.take()[0]!, { value: 2 })
  assert.equal(heard, [['refused'], 2])
  assert.equal(ends, [[undefined, 'end']])
})

test('of several errors the first one of the list is thrown, once nothing is under way any more', () => {
  const { runner, heard } = started([effect('a'), effect('b'), effect('c')])
  const issued = runner.take()
  runner.complete(issued[2]!, { error: 'third' })
  runner.complete(issued[1]!, { error: 'second' })
  assert.equal(heard, [])
  runner.complete(issued[0]!, { value: 0 })
  assert.equal(heard, [['second']])
})

test('an undefined that was thrown is an error too', () => {
  const { runner, heard } = started(effect('a'), [effect('b'), effect('c')])
  runner.complete(runner.take()[0]!, { error: undefined })
  const [b, c] = runner.take()
  runner.complete(b!, { value: 1 })
  runner.complete(c!, { error: undefined })
  assert.equal(heard, [[undefined], [undefined]])
})

test('what a task throws ends it with that error: at its start, later, and where it was thrown into it', () => {
  for (const asks of [0, 1, 2]) {
    const runner = new TaskRunner()
    const ends: unknown[] = []
    const task = function* (): Task<void> {
      for (let count = 0; count < asks; count++) yield effect('a')
      throw 'failed'
    }
    runner.start(task(), (...end) => ends.push(end))
    for (let count = 0; count < asks; count++) runner.complete(runner.take()[0]!, { value: count })
    assert.equal(ends, [['failed', undefined]])
  }
  const runner = new TaskRunner()
  const ends: unknown[] = []
  const task = function* (): Task<void> {
    yield effect('a')
  }
  runner.start(task(), (...end) => ends.push(end))
  runner.complete(runner.take()[0]!, { error: 'refused' })
  assert.equal([ends, runner.take()], [[['refused', undefined]], []])
})

test('a task that asks for nothing ends in its start', () => {
  const { runner, ends } = started()
  assert.equal([runner.take(), ends], [[], [[undefined, 'end']]])
})

test('tasks don’t wait for each other', () => {
  const runner = new TaskRunner()
  const ends: unknown[] = []
  const task = function* (name: string): Task<unknown> {
    return yield effect(name)
  }
  runner.start(task('a'), (_, value) => ends.push(['a', value]))
  runner.start(task('b'), (_, value) => ends.push(['b', value]))
  const [a, b] = runner.take()
  runner.complete(b!, { value: 2 })
  assert.equal(ends, [['b', 2]])
  runner.complete(a!, { value: 1 })
  assert.equal(ends, [
    ['b', 2],
    ['a', 1],
  ])
})

test('a second result of one effect is not the result of the next, nor of another one in its list', () => {
  const { runner, heard, ends } = started(effect('a'), [effect('b'), effect('c')], effect('d'))
  const [a] = runner.take()
  runner.complete(a!, { value: 1 })
  const [b, c] = runner.take()
  for (const stale of [a!, b!, b!]) runner.complete(stale, { value: 2 })
  assert.equal(heard, [1])
  runner.complete(b!, { error: 'late' })
  runner.complete(c!, { value: 3 })
  assert.equal(heard, [1, [2, 3]])
  const [d] = runner.take()
  runner.complete(d!, { value: 4 })
  runner.complete(d!, { value: 5 })
  assert.equal(ends, [[undefined, 'end']])
})

test.run()
