// The directory that a log is copied to: a process that is killed while it makes the directory leaves none, or one that
// is marked as an unfinished copy.
import fs, { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LogError, open } from '../../bindings/entry/node.ts'
import { UNFINISHED_COPY } from '../../bindings/storage/backup-target.ts'
import { backupTarget } from '../../bindings/storage/drivers/node-fs/backup-target.ts'
import { makeMarkedRoot } from '../../bindings/storage/drivers/node-fs/marked-root.ts'

const scratch = mkdtempSync(join(tmpdir(), 'oncelog-marked-'))
test.after(() => rmSync(scratch, { recursive: true }))

const CALLS = ['mkdirSync', 'openSync', 'closeSync', 'fsyncSync', 'renameSync', 'writeSync', 'ftruncateSync'] as const

/** What is looked at before each call of the file system that changes something, as a kill there leaves it. */
async function watching(work: () => unknown, look: (call: string) => void): Promise<void> {
  const before = CALLS.map((call) => [call, fs[call]] as const)
  try {
    for (const [call, usual] of before) {
      const watched = (...given: unknown[]) => {
        look(call)
        return (usual as (...given: unknown[]) => unknown)(...given)
      }
      Object.assign(fs, { [call]: watched })
    }
    syncBuiltinESMExports()
    await work()
  } finally {
    Object.assign(fs, Object.fromEntries(before))
    syncBuiltinESMExports()
  }
}

test('from the moment on at which it has its name it has the mark', async () => {
  const root = join(scratch, 'above', 'copy')
  const seen: string[] = []
  await watching(
    () => backupTarget(root, undefined).store.lock(),
    (call) => seen.push(`${call} ${existsSync(root) ? readdirSync(root).join() : 'none'}`),
  )
  const withRoot = seen.filter((each) => !each.endsWith('none'))
  assert.ok(seen.length > withRoot.length && withRoot.length > 0, seen.join('\n'))
  for (const each of withRoot) assert.match(each, UNFINISHED_COPY)
  assert.equal(readdirSync(join(scratch, 'above')), ['copy'])
  const refused = await open(root, { exclusive: true } as never).catch((error: unknown) => error)
  assert.ok(LogError.is(refused, 'DIRECTORY_IN_USE', 'COPY_UNFINISHED'), String(refused))
})

test('what a kill left beside it is taken, and what another one made meanwhile stays', async () => {
  const root = join(scratch, 'taken')
  mkdirSync(`${root}.${UNFINISHED_COPY}`)
  makeMarkedRoot(root, UNFINISHED_COPY)
  assert.equal(readdirSync(root), [UNFINISHED_COPY])
  writeFileSync(join(root, 'theirs'), '')
  makeMarkedRoot(root, UNFINISHED_COPY)
  assert.equal(readdirSync(root).sort(), ['theirs', UNFINISHED_COPY])
  assert.equal(
    readdirSync(scratch).filter((name) => name.startsWith('taken')),
    ['taken'],
  )
})

test('a backup into a directory that is missing, and into one that is there and empty', async () => {
  const log = await open(join(scratch, 'log'))
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'x' })
  mkdirSync(join(scratch, 'there'))
  for (const name of ['missing', 'there']) {
    await log.backup(join(scratch, name))
    const copy = await open(join(scratch, name))
    assert.equal(await copy.admin.listTopics(), ['t'])
    await copy.close()
    assert.not(readdirSync(join(scratch, name)).includes(UNFINISHED_COPY))
  }
  await log.close()
})

test.run()
