// One holder per directory, whichever process asks from wherever, and the directory is free as soon as the holder is
// gone.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { lockDirectory, lockUntouched } from '../../bindings/storage/drivers/node-fs/lock.ts'
import { createDirectoryStore } from '../../bindings/storage/drivers/node-fs.ts'
import { LOADER } from '../runner/loader.ts'
import { freshPlace, refusal, scratch } from './places.ts'

const children: ChildProcess[] = []
test.after(() => {
  for (const child of children) child.kill('SIGKILL')
})

/** The one that the lock itself takes first. */
const program = '/usr/bin/flock'
const holderFile = join(import.meta.dirname, 'fixtures/holder.ts')

/** A child that holds `place`, once it says so. */
async function holder(place: string, ...prefix: readonly string[]): Promise<ChildProcess & { says: string }> {
  const [program = '', ...words] = [...prefix, process.execPath, ...LOADER, holderFile, place]
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [bytes] = (await once(child.stdout, 'data')) as [Buffer]
  return Object.assign(child, { says: bytes.toString() })
}

test('another opener in this process, through a link and from another copy of the package too', async () => {
  const place = freshPlace()
  const first = createDirectoryStore(place)
  await first.lock()
  symlinkSync(place, `${place}-link`)
  const copy = (await import('../../bindings/storage/drivers/node-fs.ts?copy' as string)) as {
    createDirectoryStore: typeof createDirectoryStore
  }
  assert.is.not(copy.createDirectoryStore, createDirectoryStore, 'a copy of its own')
  for (const second of [createDirectoryStore(`${place}-link`), copy.createDirectoryStore(place)]) {
    const error = await refusal(() => second.lock())
    assert.is(error.code, 'DIRECTORY_IN_USE')
    assert.is(error.details['pid'], process.pid)
    assert.is(error.details['host'], hostname())
    assert.match(error.message, new RegExp(`process ${process.pid} on .* since \\d{4}-`))
  }
  await first.close()
  await (await createDirectoryStore(place).lock()).release()
})

test('a child holds: refused with its pid, also while it is stopped; free at once after kill -9', async () => {
  const place = freshPlace()
  const child = await holder(place)
  const { pid } = JSON.parse(child.says) as { pid: number }
  const store = createDirectoryStore(place)
  assert.is((await refusal(() => store.lock())).details['pid'], pid)
  child.kill('SIGSTOP')
  const error = await refusal(() => store.lock())
  assert.is(error.code, 'DIRECTORY_IN_USE')
  assert.is(error.details['pid'], pid)
  assert.ok(Date.parse(String(error.details['since'])) > 0)
  child.kill('SIGKILL')
  await once(child, 'exit')
  // No second try and no wait: the first attempt after its end succeeds.
  const lock = await store.lock()
  assert.is((JSON.parse(readFileSync(join(place, '.lock'), 'utf8')) as { pid: number }).pid, process.pid)
  await lock.release()
})

test('several that begin at one moment: one gets it, the others learn who', async () => {
  const place = freshPlace()
  mkdirSync(place)
  const outcomes = await Promise.all(
    [1, 2, 3].map(async () => {
      const child = spawn(process.execPath, [...LOADER, holderFile, place], {
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      children.push(child)
      const ended = once(child.stderr, 'data').then(([bytes]) => String(bytes))
      return await Promise.race([ended, once(child.stdout, 'data').then(([bytes]) => String(bytes))])
    }),
  )
  const winners = outcomes.filter((text) => text.startsWith('{'))
  assert.is(winners.length, 1, outcomes.join('\n'))
  const { pid } = JSON.parse(winners[0] ?? '') as { pid: number }
  const error = await refusal(() => createDirectoryStore(place).lock())
  assert.is(error.details['pid'], pid)
})

test('a holder in another network namespace', async () => {
  if (spawnSync('unshare', ['-n', 'true']).status !== 0) {
    console.log('NOT RUN: two network namespaces, needs the right to unshare')
    return
  }
  const place = freshPlace()
  await holder(place, 'unshare', '-n')
  assert.is((await refusal(() => createDirectoryStore(place).lock())).code, 'DIRECTORY_IN_USE')
})

test('a holder in another pid namespace is named as it sees itself', async () => {
  const words = ['unshare', '-p', '-f', '--mount-proc', '--kill-child']
  if (spawnSync(words[0] ?? '', [...words.slice(1), 'true']).status !== 0) {
    console.log('NOT RUN: two pid namespaces, needs the right to unshare')
    return
  }
  const place = freshPlace()
  const child = await holder(place, ...words)
  const { pid } = JSON.parse(child.says) as { pid: number }
  const error = await refusal(() => createDirectoryStore(place).lock())
  assert.is(error.code, 'DIRECTORY_IN_USE')
  assert.is(error.details['pid'], pid)
})

test('the lock of those who write nothing keeps holders out, and others like them not; a holder keeps out both', async () => {
  const place = freshPlace()
  const store = createDirectoryStore(place)
  const held = await store.lock()
  assert.is((await refusal(() => lockUntouched(place))).code, 'DIRECTORY_IN_USE')
  await held.release()
  const readers = [await lockUntouched(place), await lockUntouched(place)]
  for (const reader of readers) {
    assert.is((await refusal(() => store.lock())).code, 'DIRECTORY_IN_USE')
    await reader.release()
  }
  await (await store.lock()).release()
  await store.close()
})

test('a directory that was removed and made anew is locked anew', async () => {
  const place = freshPlace()
  const first = createDirectoryStore(place)
  await first.lock()
  rmSync(place, { recursive: true })
  const second = createDirectoryStore(place)
  await second.lock()
  assert.ok(existsSync(join(place, '.lock')))
  await first.close()
  assert.is((await refusal(() => createDirectoryStore(place).lock())).code, 'DIRECTORY_IN_USE')
  await second.close()
})

test('a lock on a file that was removed meanwhile is not taken for one', async () => {
  const place = freshPlace()
  mkdirSync(place)
  const meddler = join(scratch, 'meddler')
  const once = `[ -e ${meddler}.done ] || { rm ${place}/.lock; : > ${place}/.lock; : > ${meddler}.done; }`
  writeFileSync(meddler, `#!/bin/sh\n${once}\nexec flock "$@"\n`, { mode: 0o700 })
  const lock = await lockDirectory(place, [meddler])
  assert.is(
    spawnSync(program, ['-n', '-x', join(place, '.lock'), 'true']).status,
    1,
    'the file that is there is locked',
  )
  await lock.release()
})

test('a text left by a dead holder is not told as the present one', async () => {
  const place = freshPlace()
  const file = join(place, '.lock')
  mkdirSync(place)
  const child = spawn(program, ['-F', '-x', file, 'sh', '-c', 'echo held; exec sleep 30'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  children.push(child)
  await once(child.stdout, 'data')
  const left = { pid: spawnSync('true').pid, host: hostname(), since: '2020-01-01T00:00:00.000Z', start: '1' }
  writeFileSync(file, JSON.stringify(left))
  const refused = refusal(() => createDirectoryStore(place).lock())
  writeFileSync(file, JSON.stringify({ ...left, pid: 4711, host: 'elsewhere' }))
  assert.is((await refused).details['host'], 'elsewhere')
})

/** What may stand in a lock file that was left, copied or written over. */
const left = { pid: process.ppid, host: hostname(), since: '2020-01-01T00:00:00.000Z', start: '1' }
const LEFT: Readonly<Record<string, string>> = {
  empty: '',
  garbage: '\u0000\ud7ff{"pid":',
  null: 'null',
  'a number': '5',
  'a list': '[1]',
  'wrong types': JSON.stringify({ ...left, pid: '../self', start: 5 }),
  'another host': JSON.stringify({ ...left, host: 'elsewhere' }),
  'a pid that is another process now': JSON.stringify(left),
  'a process that is gone': JSON.stringify({ ...left, pid: 0x7fff_fffe }),
  'much too long': 'x'.repeat(100_000),
}

test('whatever a lock file holds, it decides nothing: free it is taken, held it is refused', async () => {
  for (const [what, text] of Object.entries(LEFT)) {
    const place = freshPlace()
    const file = join(place, '.lock')
    mkdirSync(place)
    writeFileSync(file, text)
    await (await lockDirectory(place)).release()
    assert.is(readFileSync(file, 'utf8'), '', what)
    const child = spawn(program, ['-F', '-x', file, 'sh', '-c', 'echo held; exec sleep 30'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    children.push(child)
    await once(child.stdout, 'data')
    writeFileSync(file, text)
    const { code, message } = await refusal(() => lockDirectory(place))
    assert.is(code, 'DIRECTORY_IN_USE', what)
    const who =
      text.includes('2020') && !what.startsWith('wrong')
        ? /held by process \d+ on \S+ since 2020/
        : /held by another process$/
    assert.match(message, who, what)
    assert.is(readFileSync(file, 'utf8'), text, `${what}: it is the holder's`)
  }
})

test('something else in the place of the lock file is refused by name, and left as it is', async () => {
  const strangers: Readonly<Record<string, (file: string) => void>> = {
    'a directory': (file) => mkdirSync(file),
    'a link to nowhere': (file) => symlinkSync(join(scratch, 'nowhere'), file),
    'a link to a file': (file) => symlinkSync('/etc/hostname', file),
    'a pipe': (file) => assert.is(spawnSync('mkfifo', [file]).status, 0),
    'a file of somebody else': (file) => writeFileSync(file, '', { mode: 0o000 }),
  }
  for (const [what, put] of Object.entries(strangers)) {
    const place = freshPlace()
    mkdirSync(place)
    chmodSync(place, 0o755)
    put(join(place, '.lock'))
    const before = readdirSync(place)
    const error = await asNobody(what.endsWith('else'), () => refusal(() => lockDirectory(place)))
    assert.equal(
      [error.code, error.details['file'], error.details['directory']],
      ['KAFKA_STORAGE_ERROR', '.lock', place],
    )
    assert.match(error.message, /symbolic link|a directory has the name|not a regular file|read and write access/, what)
    assert.equal(readdirSync(place), before)
  }
  assert.not.ok(existsSync(join(scratch, 'nowhere')))
})

/** The superuser may read everything: for the time of `work` this process isn't it. */
async function asNobody<T>(isWanted: boolean, work: () => Promise<T>): Promise<T> {
  if (!isWanted || process.getuid?.() !== 0) return work()
  chmodSync(scratch, 0o755)
  process.seteuid?.(65534)
  try {
    return await work()
  } finally {
    process.seteuid?.(0)
  }
}

test('without the program flock it is refused by name', async () => {
  const place = freshPlace()
  mkdirSync(place)
  const error = await refusal(() => lockDirectory(place, ['/nowhere/flock', 'no-such-flock']))
  assert.is(error.code, 'LOCK_UNSUPPORTED')
  assert.is(error.details['missing'], 'flock')
  assert.match(error.message, /util-linux/)
  await (await lockDirectory(place, ['/nowhere/flock', 'flock'])).release()
})

test("under Node's permission model, which refuses every flush, it is refused by name", async () => {
  const place = freshPlace()
  mkdirSync(place)
  Object.defineProperty(process, 'permission', { value: { has: () => true }, configurable: true })
  try {
    const error = await refusal(() => lockDirectory(place))
    assert.equal([error.code, error.details['missing']], ['LOCK_UNSUPPORTED', 'flushes'])
    assert.match(error.message, /--permission/)
  } finally {
    Reflect.deleteProperty(process, 'permission')
  }
  assert.equal(readdirSync(place), [])
  await (await lockDirectory(place)).release()
})

test('who was refused is refused again without a fork as long as the system lists the lock, and then tries', async () => {
  const place = freshPlace()
  const child = await holder(place)
  assert.is((await refusal(() => lockDirectory(place, ['/nowhere/flock']))).code, 'LOCK_UNSUPPORTED')
  assert.is((await refusal(() => lockDirectory(place))).code, 'DIRECTORY_IN_USE')
  const { ino } = statSync(join(place, '.lock'))
  // Some containers hide the locks of the system.
  const isListed = readFileSync('/proc/locks', 'latin1').includes(`:${ino} 0 EOF`)
  const { code, details } = await refusal(() => lockDirectory(place, ['/nowhere/flock']))
  assert.is(code, isListed ? 'DIRECTORY_IN_USE' : 'LOCK_UNSUPPORTED')
  if (isListed) assert.is(details['pid'], child.pid)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await (await lockDirectory(place)).release()
})

test('children of the program do not inherit the lock', async () => {
  const place = freshPlace()
  const store = createDirectoryStore(place)
  await store.lock()
  const child = spawn('sleep', ['30'], { stdio: 'ignore' })
  children.push(child)
  await store.close()
  await (await createDirectoryStore(place).lock()).release()
})

test.run()
