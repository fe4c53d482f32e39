// The iterator behind records and batches: what a generator promises, for less per item.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ItemSource, Iteration } from '../../bindings/client/iteration.ts'
import { gate } from './support.ts'

class Source implements ItemSource<string> {
  readonly calls: string[] = []
  readonly waits: (string[] | Error | undefined)[]
  #items: string[] = []
  wait: Promise<void> = Promise.resolve()
  takeError: Error | undefined

  /** What each `more` brings, in turn; `undefined`: the end. */
  constructor(waits: (string[] | Error | undefined)[]) {
    this.waits = waits
  }

  take(): string | undefined {
    if (this.takeError !== undefined) throw this.takeError
    return this.#items.shift()
  }

  async more(): Promise<boolean> {
    this.calls.push('more')
    await this.wait
    const brought = this.waits.shift()
    if (brought instanceof Error) throw brought
    this.#items.push(...(brought ?? []))
    return brought !== undefined
  }

  stop(): void {
    this.calls.push('stop')
  }

  async end(): Promise<void> {
    this.calls.push('end')
  }
}

async function all(iteration: Iteration<string>): Promise<string[]> {
  const items: string[] = []
  for await (const item of iteration) items.push(item)
  return items
}

test('items in order, over empty deliveries, and the end once', async () => {
  const source = new Source([['a', 'b'], [], ['c'], undefined])
  const iteration = new Iteration(source)
  assert.equal(await all(iteration), ['a', 'b', 'c'])
  assert.equal(source.calls, ['more', 'more', 'more', 'more', 'end'])
  assert.equal(await iteration.next(), { done: true, value: undefined })
  assert.equal(await iteration.return(), { done: true, value: undefined })
  assert.equal(source.calls, ['more', 'more', 'more', 'more', 'end'])
})

test('calls that are not awaited are answered in their order', async () => {
  const source = new Source([['a', 'b'], ['c'], undefined])
  const iteration = new Iteration(source)
  const order: unknown[] = []
  const calls = Array.from({ length: 5 }, () => iteration.next().then(({ value }) => order.push(value)))
  await Promise.all(calls)
  assert.equal(order, ['a', 'b', 'c', undefined, undefined])
})

test('left by break, it stops its source and ends it before the loop goes on', async () => {
  const source = new Source([['a', 'b'], undefined])
  for await (const item of new Iteration(source)) {
    assert.is(item, 'a')
    break
  }
  assert.equal(source.calls, ['more', 'stop', 'end'])
})

test('return while an item is waited for: the wait is told to end, both calls are answered', async () => {
  const source = new Source([[], undefined])
  const { opened, open } = gate()
  source.wait = opened
  const iteration = new Iteration(source)
  const next = iteration.next()
  const returned = iteration.return()
  assert.equal(source.calls, ['more', 'stop'])
  open()
  assert.equal([(await next).done, (await returned).done], [true, true])
  assert.equal(source.calls, ['more', 'stop', 'more', 'end'])
})

test('an error of the source ends it and is told once', async () => {
  for (const where of ['take', 'more']) {
    const failure = new Error(where)
    const source = new Source([['a'], failure])
    const iteration = new Iteration(source)
    assert.is((await iteration.next()).value, 'a')
    if (where === 'take') source.takeError = failure
    assert.is(await iteration.next().catch((error) => error), failure)
    assert.is(source.calls.at(-1), 'end')
    source.takeError = undefined
    assert.is((await iteration.next()).done, true)
  }
})

test.run()
