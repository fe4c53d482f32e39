// How long an end of a channel stays awake for what may come: adaptive spinning (decision 035).
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BusyPoll, POLL_FOR_ANSWER_MS } from '../../bindings/engine/remote/busy-poll.ts'

const QUICK_MS = POLL_FOR_ANSWER_MS / 2
const SLOW_MS = POLL_FOR_ANSWER_MS * 2

function polled({ isSpare = true }: { readonly isSpare?: boolean } = {}) {
  const turns: (() => void)[] = []
  const port = { nowMs: 1000, isSpare }
  const poll = new BusyPoll(
    {
      now: () => port.nowMs,
      nextTurn: (callback) => turns.push(callback),
      isProcessorSpare: () => port.isSpare,
    },
    POLL_FOR_ANSWER_MS,
  )
  const turn = (): void => {
    for (const each of turns.splice(0)) each()
  }
  return {
    poll,
    port,
    isAwake: () => turns.length > 0,
    turn,
    exchange(afterMs: number): void {
      poll.sent()
      port.nowMs += afterMs
      poll.received()
      turn()
    },
  }
}

test('sleeps until it knows that answers are quick', () => {
  const { poll, isAwake } = polled()
  poll.sent()
  assert.not(isAwake())
})

test('stays awake after a message where the last one was answered quickly, up to the answer', () => {
  const { poll, exchange, isAwake, turn, port } = polled()
  exchange(QUICK_MS)
  poll.sent()
  assert.ok(isAwake())
  port.nowMs += QUICK_MS
  turn()
  assert.ok(isAwake(), 'nothing has come yet')
  poll.received()
  turn()
  assert.not(isAwake())
})

test('stays awake again after the next message, however the time before ended', () => {
  const { poll, exchange, isAwake, turn } = polled()
  exchange(QUICK_MS)
  for (let round = 0; round < 3; round++) {
    poll.sent()
    assert.ok(isAwake(), `round ${round}`)
    poll.received()
    turn()
    assert.not(isAwake(), `round ${round}`)
  }
})

test('sleeps when the moment is over, and after the next message, as the answer was slow', () => {
  const { poll, exchange, isAwake, turn, port } = polled()
  exchange(QUICK_MS)
  poll.sent()
  port.nowMs += SLOW_MS
  turn()
  assert.not(isAwake())
  poll.received()
  poll.sent()
  assert.not(isAwake())
})

test('is back once an answer was quick without polling', () => {
  const { poll, exchange, isAwake } = polled()
  exchange(SLOW_MS)
  exchange(QUICK_MS)
  poll.sent()
  assert.ok(isAwake())
})

test('what comes unasked says nothing of answers', () => {
  const { poll, exchange, isAwake, port } = polled()
  exchange(QUICK_MS)
  port.nowMs += SLOW_MS
  poll.received()
  poll.sent()
  assert.ok(isAwake())
})

test('several messages of one moment poll once', () => {
  const turns: (() => void)[] = []
  const port = { now: () => 0, nextTurn: (each: () => void) => turns.push(each), isProcessorSpare: () => true }
  const poll = new BusyPoll(port, POLL_FOR_ANSWER_MS)
  poll.sent()
  poll.received()
  poll.sent()
  poll.sent()
  assert.is(turns.length, 1)
})

test('sleeps where others want the processor', () => {
  const { poll, exchange, isAwake } = polled({ isSpare: false })
  exchange(QUICK_MS)
  poll.sent()
  assert.not(isAwake())
})

test.run()
