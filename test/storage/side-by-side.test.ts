// Work that runs side by side: tasks over one runner, syncs that share, and the share of the thread pool.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PoolShare } from '../../bindings/storage/drivers/node-fs/pool-share.ts'
import { SharedSyncs } from '../../bindings/storage/drivers/node-fs/shared-syncs.ts'
import { perform, sideBySide, type Task } from '../../bindings/storage/effect.ts'
import { runNow } from '../log/support.ts'

function* twoSteps(name: string, seen: string[]): Task<void> {
  const first = yield* perform('read', name, () => `${name} 1`)
  seen.push(first)
  seen.push(yield* perform('read', name, () => `${name} 2`))
}

test('tasks side by side wait together, each gets its own results, no more than asked for run at once', () => {
  const seen: string[] = []
  const waits: number[] = []
  const task = sideBySide(
    ['a', 'b', 'c'].map((name) => twoSteps(name, seen)),
    2,
  )
  let step = task.next()
  while (step.done !== true) {
    const effects = step.value as readonly { run(): unknown }[]
    waits.push(effects.length)
    step = task.next(effects.map((effect) => effect.run()))
  }
  assert.equal(seen, ['a 1', 'b 1', 'a 2', 'b 2', 'c 1', 'c 2'])
  assert.equal(waits, [2, 2, 1, 1])
})

test('an error goes to the task whose effect failed; what it does not catch ends all', () => {
  const seen: string[] = []
  const failing = (): never => {
    throw new Error('full')
  }
  function* catching(): Task<void> {
    try {
      yield* perform('read', 'x', failing)
    } catch {
      seen.push('caught')
    }
  }
  runNow(sideBySide([catching(), twoSteps('a', seen)], 2))
  assert.equal(seen, ['caught', 'a 1', 'a 2'])

  function* cleaning(): Task<void> {
    try {
      yield* twoSteps('b', seen)
    } finally {
      seen.push('cleaned')
    }
  }
  // The others have got what theirs gave before: it may be a file to close.
  for (const order of [(tasks: Task<void>[]) => tasks, (tasks: Task<void>[]) => tasks.reverse()]) {
    seen.length = 0
    const tasks = order([cleaning(), perform('read', 'x', failing)])
    assert.throws(() => runNow(sideBySide(tasks, 2)), 'full')
    assert.equal(seen, ['b 1', 'cleaned'])
  }
})

/** Syncs that end when the test says so. */
class HeldSyncs {
  readonly ends: (() => void)[] = []
  readonly start = (): Promise<void> => new Promise((resolve) => this.ends.push(resolve))
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a sync that was asked for while one runs begins after it, once for all who asked', async () => {
  const held = new HeldSyncs()
  const syncs = new SharedSyncs()
  const ended: string[] = []
  const asks = ['first', 'second', 'third'].map((name) => syncs.run('', held.start).then(() => ended.push(name)))
  await turn()
  assert.is(held.ends.length, 1)
  held.ends[0]?.()
  await turn()
  assert.equal(ended, ['first'], 'the one under way says nothing to those who came later')
  assert.is(held.ends.length, 2)
  held.ends[1]?.()
  await Promise.all(asks)
  assert.is(held.ends.length, 2)
  const last = syncs.run('', held.start)
  assert.is(held.ends.length, 3, 'nothing runs: it begins at once')
  held.ends[2]?.()
  await last
})

test('after a failed sync the next one is tried, and only who shared the failed one hears of it', async () => {
  const syncs = new SharedSyncs()
  const first = syncs.run('', () => Promise.reject(new Error('no')))
  const second = syncs.run('', () => Promise.resolve())
  await first.then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, 'no'),
  )
  await second
})

test('three pieces of work have a thread of the pool, the others wait in their order', () => {
  const share = new PoolShare()
  const begun: number[] = []
  const ends: (() => void)[] = []
  for (let index = 0; index < 5; index++) {
    share.run((ended) => {
      begun.push(index)
      ends.push(ended)
    })
  }
  assert.equal(begun, [0, 1, 2])
  ends[1]?.()
  assert.equal(begun, [0, 1, 2, 3])
  ends[0]?.()
  assert.equal(begun, [0, 1, 2, 3, 4])
  for (const index of [2, 3, 4]) ends[index]?.()
  share.run(() => begun.push(5))
  assert.is(begun.at(-1), 5, 'those that ended hold no thread')
})

test.run()
