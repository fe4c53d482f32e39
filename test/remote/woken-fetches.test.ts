// A member in another process whose fetch is woken: its holder may have answered, and takes that for taken in.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { AttachedConsumer } from '../../bindings/engine/remote/attached-consumer.ts'

test('a member whose fetch is woken before the answer came asks for everything anew, once', async () => {
  const waiting: ((fetched: readonly unknown[]) => void)[] = []
  const link = {
    fetch: () => new Promise((resolve) => waiting.push(resolve)),
    wake: () => {
      for (const resolve of waiting.splice(0)) resolve([])
    },
  }
  const member = new AttachedConsumer(link as never, 1, () => {})
  const fetch = () => member.fetch({ positions: [], isolationLevel: 'read_committed', maxBytes: 1, wait: true })
  member.wake()
  assert.not(member.isOutOfStep)
  const woken = fetch()
  member.wake()
  await woken
  assert.ok(member.isOutOfStep)
  const answered = fetch()
  assert.not(member.isOutOfStep)
  waiting.pop()?.([])
  await answered
  member.wake()
  assert.not(member.isOutOfStep)
})

test.run()
