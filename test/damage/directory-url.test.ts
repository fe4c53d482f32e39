// A URL that names no directory of this machine is refused by name, wherever a directory is asked for.
import { open, openMemory, salvage } from 'oncelog'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

test('a URL of another scheme, or of another host', async () => {
  const log = await openMemory()
  for (const url of ['http://localhost/data', 'file://elsewhere/data'].map((text) => new URL(text))) {
    const calls = [open(url), salvage(url, '/nowhere'), salvage('/nowhere', url), log.backup(url)]
    for (const answer of await Promise.allSettled(calls)) {
      const { code } = (answer as { reason?: { code?: string } }).reason ?? {}
      assert.is(code, 'INVALID_REQUEST', url.href)
    }
  }
  await log.close()
})

test.run()
