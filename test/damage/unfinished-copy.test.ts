/**
 * What a killed backup leaves is no log, for any command: `verify` once called it damaged, and `salvage` made a log of
 * the part that was copied. And its mark, which a kill may leave in a copy that is a log, says nothing about that log
 * later: the advice to remove the directory would have destroyed it.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryImage } from '../../bindings/entry/embedded/directory-image.ts'
import { nodePort } from '../../bindings/entry/embedded/node-port.ts'
import { verifyFiles } from '../../bindings/entry/embedded/verify-files.ts'
import { LogError, open, salvage } from '../../bindings/entry/node.ts'
import { UNFINISHED_COPY } from '../../bindings/storage/backup-target.ts'
import { failure } from '../client/support.ts'

const scratch = mkdtempSync(join(tmpdir(), 'oncelog-unfinished-'))
test.after(() => rmSync(scratch, { recursive: true }))

let count = 0
const fresh = () => join(scratch, `${count++}`)
const codeOf = (error: unknown) => (LogError.is(error) ? error.code : error)

async function verify(directory: string) {
  const image = new DirectoryImage(directory)
  try {
    return (await verifyFiles({ store: () => image, port: nodePort })).damage
  } finally {
    image.close()
  }
}

/** What a kill leaves that comes after the header of a backup, before its mark is removed. */
async function backupWithMark(): Promise<string> {
  const directory = fresh()
  const log = await open(fresh())
  await log.admin.createTopic('t')
  await log.producer().send({ topic: 't', value: 'copied' })
  await log.backup(directory)
  await log.close()
  writeFileSync(join(directory, UNFINISHED_COPY), '')
  return directory
}

async function values(directory: string): Promise<string[]> {
  const log = await open(directory)
  const all: string[] = []
  for await (const { value } of log.read('t', { until: 'end' })) all.push(`${Buffer.from(value ?? [])}`)
  await log.close()
  return all
}

function loseHeader(directory: string): void {
  rmSync(join(directory, 'journal', 'header'))
}

test('a copy that never came to its header is COPY_UNFINISHED for an open, verify and salvage, which name it', async () => {
  const directory = await backupWithMark()
  loseHeader(directory)
  const target = fresh()
  const calls = [() => open(directory), () => verify(directory), () => salvage(directory, target)]
  for (const call of calls) {
    const { details, message } = await failure('COPY_UNFINISHED', call)
    assert.equal([details['directory'], message.startsWith(`${directory} holds`)], [directory, true])
  }
  assert.not(existsSync(target))
  rmSync(join(directory, UNFINISHED_COPY))
  assert.ok((await salvage(directory, target)).losses.length > 0)
  assert.equal(await values(target), ['copied'])
})

test('with little more than its mark, too', async () => {
  const directory = await backupWithMark()
  for (const name of ['journal', 'checkpoint', '__oncelog_catalogue-0']) {
    rmSync(join(directory, name), { recursive: true })
    assert.is(await verify(directory).catch(codeOf), 'COPY_UNFINISHED')
    assert.is(await salvage(directory, fresh()).catch(codeOf), 'COPY_UNFINISHED')
  }
})

test('the mark of a copy that became a log means nothing when that log loses its header', async () => {
  const directory = await backupWithMark()
  const log = await open(directory)
  await log.producer().send({ topic: 't', value: 'written since' })
  await log.close()
  loseHeader(directory)
  assert.is(await open(directory).catch(codeOf), 'CORRUPT_LOG')
  assert.equal(
    (await verify(directory)).map(({ file, code }) => `${file} ${code}`),
    ['journal/header is missing'],
  )
  const target = fresh()
  await salvage(directory, target)
  assert.equal(await values(target), ['copied', 'written since'])
})

test.run()
