// Whether a thread may keep a processor busy, told by how long it waits for its own (decision 035).
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { processorWaitMs } from '../../bindings/engine/remote/processor-wait.ts'
import { SpareProcessor } from '../../bindings/engine/remote/spare-processor.ts'

/** A thread whose waits are told: `pass` lets time go by, a share of it waiting. */
function thread() {
  const clock = { nowMs: 0, waitedMs: 0, looks: 0 }
  const processor = new SpareProcessor(() => {
    clock.looks++
    return clock.waitedMs
  })
  return {
    clock,
    isSpare: () => processor.isSpare(clock.nowMs),
    pass(ms: number, waitedShare: number): void {
      clock.nowMs += ms
      clock.waitedMs += ms * waitedShare
    },
  }
}

test('is not spare before anything is known, and spare where the thread hardly waits', () => {
  const { isSpare, pass } = thread()
  assert.not(isSpare())
  pass(100, 0.04)
  assert.ok(isSpare())
})

test('is not spare within 10 ms of others wanting it, and again once they are gone for 100 ms', () => {
  const { isSpare, pass } = thread()
  isSpare()
  pass(100, 0)
  assert.ok(isSpare())
  pass(10, 0.2)
  assert.not(isSpare())
  pass(99, 0)
  assert.not(isSpare())
  pass(1, 0)
  assert.ok(isSpare())
})

test('what was long ago doesn’t count', () => {
  const { isSpare, pass } = thread()
  pass(1000, 0.5)
  isSpare()
  pass(100, 0)
  assert.ok(isSpare())
})

test('looks every 10 ms at most', () => {
  const { clock, isSpare, pass } = thread()
  isSpare()
  pass(100, 0)
  for (let index = 0; index < 100; index++) {
    isSpare()
    pass(0.1, 0)
  }
  assert.is(clock.looks, 2)
})

test('is never spare where nobody counts waits', () => {
  const processor = new SpareProcessor(() => undefined)
  for (let nowMs = 0; nowMs < 1000; nowMs += 100) assert.not(processor.isSpare(nowMs))
})

test('Linux counts them for each thread', () => {
  const before = processorWaitMs()
  if (process.platform !== 'linux') return assert.is(before, undefined)
  assert.type(before, 'number')
  assert.ok((processorWaitMs() as number) >= (before as number))
})

test.run()
