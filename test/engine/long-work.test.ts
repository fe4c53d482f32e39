// A checkpoint of many partitions is put together in parts: between two of them the program has its turn.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RuntimePort } from '../../bindings/broker/runtime-port.ts'
import { Scheduler } from '../../bindings/engine/scheduler.ts'
import { letOthersRun } from '../../bindings/storage/effect.ts'

test('a task that lets others run goes on in a turn of its own', () => {
  const deferred: (() => void)[] = []
  const port: RuntimePort = {
    now: () => 0,
    elapsed: () => 0,
    random: () => 0,
    setTimer: () => () => {},
    defer: (callback) => deferred.push(callback),
  }
  const [effect] = [...letOthersRun()]
  const completed: unknown[] = []
  const own = { effect }
  let issued = [own]
  const engine = {
    open: () => {},
    take: () => issued.splice(0),
    complete: (_now: number, each: unknown) => completed.push(each),
    wantsTurn: false,
    nextDeadline: () => undefined,
  }
  new Scheduler(engine as unknown as ConstructorParameters<typeof Scheduler>[0], port).open().catch(() => {})
  assert.equal(completed, [])
  assert.is(deferred.length, 1)
  issued = []
  deferred[0]?.()
  assert.equal(completed, [own])
})

test.run()
