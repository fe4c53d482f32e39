// The newest batches in memory: a frame copies them from there instead of reading its segment again.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TailPool } from '../../../bindings/log/partition/tail-pool.ts'
import { TailWindow } from '../../../bindings/log/partition/tail-window.ts'
import { LogError } from '../../../bindings/model/errors.ts'
import { newKernel, put } from '../../kernel/support.ts'

/** Three batches of ten bytes, two offsets each, the first at offset 4. */
function filled(): TailWindow {
  const window = new TailWindow(new TailPool(newKernel()))
  for (let batch = 0; batch < 3; batch++) {
    const room = window.room(100, 0)
    if (room === undefined) throw new Error('no room')
    put(room.buffer, room.position, new Uint8Array(10).fill(batch + 1))
    window.keep({ baseOffset: 4 + batch * 2, nextOffset: 6 + batch * 2, position: room.position, sizeBytes: 10 })
  }
  return window
}

test('neighbouring batches are copied together', () => {
  const into = new Uint8Array(20)
  assert.ok(filled().copy(6, 10, into))
  assert.equal([...into], [...new Uint8Array(10).fill(2), ...new Uint8Array(10).fill(3)])
})

test('only whole batches of exactly that length are copied', () => {
  const window = filled()
  assert.not(window.copy(5, 8, new Uint8Array(20)), 'begins within a batch')
  assert.not(window.copy(4, 7, new Uint8Array(20)), 'ends within a batch')
  assert.not(window.copy(4, 8, new Uint8Array(21)), 'another length')
  assert.not(window.copy(2, 6, new Uint8Array(10)), 'begins before the window')
  assert.not(window.copy(8, 12, new Uint8Array(20)), 'ends after it')
  window.release()
  assert.not(window.copy(4, 6, new Uint8Array(10)), 'released')
})

test('without memory and with no other tail left the caller is refused, though it begins its own tail each time', () => {
  const pool = new TailPool(newKernel())
  const others = Array.from({ length: 8 }, () => new TailWindow(pool))
  for (const other of others) other.room(100, 0)
  const own = new TailWindow(pool)
  let attempts = 0
  const append = (): never => {
    if (++attempts > 100) throw new Error('it is tried for ever')
    own.room(100, 1)
    throw new LogError('MEMORY_CAP_REACHED', 'no memory for an index')
  }
  assert.throws(
    () => pool.makingRoom(append),
    (error: unknown) => LogError.is(error, 'MEMORY_CAP_REACHED'),
  )
  assert.ok(
    others.every((other) => other.isEmpty),
    'all others made room before',
  )
})

test('without memory a quarter of the tails is freed, those unused for longest', () => {
  const pool = new TailPool(newKernel())
  const tails = Array.from({ length: 8 }, () => new TailWindow(pool))
  // The third and the sixth one had no append since the others.
  for (const [index, tail] of tails.entries()) tail.room(100, index === 2 || index === 5 ? 1 : 2)
  let attempts = 0
  pool.makingRoom(() => {
    if (++attempts === 1) throw new LogError('MEMORY_CAP_REACHED', 'no memory for an index')
  })
  const released = tails.flatMap((tail, index) => (tail.isEmpty ? [index] : []))
  assert.equal(released, [2, 5])
})

test.run()
