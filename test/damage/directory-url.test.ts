// A URL that names no directory of this machine, or a path that no system knows, is refused by name, wherever a
// directory is asked for.
import { rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { open, openMemory, salvage } from 'oncelog'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { scratchDirectory } from '../scratch.ts'

const WRONG: Readonly<Record<string, readonly (string | URL)[]>> = {
  'a URL of another scheme, or of another host': [new URL('http://localhost/data'), new URL('file://elsewhere/data')],
  'a zero byte in a path or URL': ['/nowhere/a\0b', new URL('file:///nowhere/a%00b')],
  'no path at all': [''],
  'the text of a URL, which as a path would be a directory named file:': ['file:///nowhere/data'],
}

for (const [what, places] of Object.entries(WRONG)) {
  test(what, async () => {
    const log = await openMemory()
    for (const place of places) {
      const calls = [open(place), salvage(place, '/nowhere'), salvage('/nowhere', place), log.backup(place)]
      for (const answer of await Promise.allSettled(calls)) {
        const { code } = (answer as { reason?: { code?: string } }).reason ?? {}
        assert.is(code, 'INVALID_REQUEST', JSON.stringify(place))
      }
    }
    await log.close()
  })
}

test('a path from a working directory that was removed', async () => {
  const scratch = scratchDirectory('removed')
  const [own, log] = [process.cwd(), await openMemory()]
  process.chdir(scratch)
  try {
    rmSync(scratch, { recursive: true })
    const calls = [open('data'), salvage('data', '/nowhere'), log.backup('data')]
    for (const answer of await Promise.allSettled(calls)) {
      const { code, message } = (answer as { reason?: { code?: string; message?: string } }).reason ?? {}
      assert.is(code, 'INVALID_REQUEST', message)
      assert.match(message ?? '', /"data" leads nowhere/)
    }
  } finally {
    process.chdir(own)
  }
  await log.close()
})

test('a directory that nobody can look into, such as a link to itself', async () => {
  const scratch = scratchDirectory('loop')
  const loop = join(scratch, 'loop')
  symlinkSync('loop', loop)
  for (const answer of await Promise.allSettled([open(loop), salvage(loop, join(scratch, 'copy'))])) {
    const { code } = (answer as { reason?: { code?: string } }).reason ?? {}
    assert.is(code, 'KAFKA_STORAGE_ERROR')
  }
  rmSync(scratch, { recursive: true })
})

test.run()
