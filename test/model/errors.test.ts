import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError } from '../../bindings/model/errors.ts'

test('what a program may throw is told from a LogError, whatever it is', () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const throwing = new Proxy(new LogError('LOG_CLOSED', 'by the test'), {
    has() {
      throw new Error('looked at')
    },
  })
  for (const thrown of [undefined, null, 'text', new Error('LOG_CLOSED'), proxy, throwing]) {
    assert.not.ok(LogError.is(thrown))
    assert.not.ok(LogError.is(thrown, 'LOG_CLOSED'))
  }
  assert.ok(LogError.is(new LogError('LOG_CLOSED', 'by the test'), 'LOG_CLOSED', 'LOG_READ_ONLY'))
  assert.not.ok(LogError.is(new LogError('LOG_CLOSED', 'by the test'), 'LOG_READ_ONLY'))
})

test.run()
