// Calls without an answer: thousands of sends may be under way while a program ends one iteration after the other.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MessageWriter } from '../../bindings/engine/remote/message-writer.ts'
import { type PendingCall, PendingCalls } from '../../bindings/engine/remote/pending-calls.ts'

const SENDS = 1000

let looks = 0

function call(method: string, session: number, woken?: () => void): PendingCall {
  return {
    method,
    message: new MessageWriter().int32(0).text(method).finish(),
    wasSent: false,
    answered: () => {},
    failed: () => {},
    woken,
    get session() {
      looks++
      return session
    },
  }
}

function stand() {
  const calls = new PendingCalls(() => {})
  const woken: string[] = []
  for (let index = 0; index < SENDS; index++) calls.add(calls.nextNumber(), call('append', 0))
  for (const session of [1, 2]) {
    for (const which of ['a', 'b']) {
      calls.add(
        calls.nextNumber(),
        call('poll', session, () => woken.push(`${session}${which}`)),
      )
    }
  }
  looks = 0
  return { calls, woken }
}

test('a wake looks at the calls of its session that wait', () => {
  const { calls, woken } = stand()
  calls.wake(1)
  assert.equal(woken, ['1a', '1b'])
  calls.wake(1)
  calls.wake(0)
  assert.equal(woken, ['1a', '1b'])
  assert.ok(looks < 10, `${looks} looks`)
})

test('calls that were sent anew under other numbers are woken too, those that were answered or refused are not', () => {
  const { calls, woken } = stand()
  calls.remove(SENDS + 1)
  calls.sendAnew({ send: () => {} } as never)
  calls.wake(1)
  assert.equal(woken, ['1b'])
  calls.refuse(new Error('ended') as never)
  calls.wake(2)
  assert.equal(woken, ['1b'])
})

test.run()
