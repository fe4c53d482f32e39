// A log's directory was moved elsewhere, with a link to it in its place: commands that only look see what an open sees.
// `verify` once followed the link, and found no damage.
import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryImage } from '../../bindings/entry/embedded/directory-image.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { verifyFiles } from '../../bindings/entry/embedded/verify-files.ts'
import { LogError, open } from '../../bindings/entry/node.ts'

const scratch = mkdtempSync(join(tmpdir(), 'oncelog-linked-'))
test.after(() => rmSync(scratch, { recursive: true }))

const directory = join(scratch, 'log')
{
  const log = await open(directory)
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'x' })
  await log.close()
}

const verify = () => verifyFiles({ store: () => new DirectoryImage(directory), port: nodePort, signal: undefined })

for (const name of ['t-0', 'journal', 'checkpoint', '__oncelog_catalogue-0']) {
  test(`${name} that is a link is refused by a look as by an open`, async () => {
    const [place, elsewhere] = [join(directory, name), join(scratch, 'elsewhere')]
    renameSync(place, elsewhere)
    symlinkSync(elsewhere, place)
    try {
      for (const act of [() => open(directory), verify]) {
        const refused = await act().catch((error: unknown) => error)
        assert.ok(LogError.is(refused, 'KAFKA_STORAGE_ERROR'), String(refused))
        assert.match(refused.message, 'symbolic link')
      }
    } finally {
      unlinkSync(place)
      renameSync(elsewhere, place)
    }
  })
}

test('once each is back in its place, verify finds no damage', async () => {
  assert.equal((await verify()).damage, [])
})

test.run()
