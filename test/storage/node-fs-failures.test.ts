// Failures of the system come as the errors that the port promises, and leave the store usable.
import { spawnSync } from 'node:child_process'
import fs, {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeFully } from '../../bindings/storage/checked-write.ts'
import { storageError } from '../../bindings/storage/drivers/node-fs/errors.ts'
import { createDirectoryStore } from '../../bindings/storage/drivers/node-fs.ts'
import type { StoreFile } from '../../bindings/storage/file-store.ts'
import { LOADER } from '../runner/loader.ts'
import { freshPlace, refusal } from './places.ts'

interface Told {
  readonly code: string
  readonly message: string
  readonly details: { readonly errno: string }
  readonly opened: number
  readonly worksAfter: boolean
  readonly counts: readonly number[]
  readonly size: number
}

function underLimit(limit: string, what: string, place: string): Told {
  const command = `ulimit ${limit} && exec "$0" "$@"`
  const words = [...LOADER, join(import.meta.dirname, 'fixtures/limited.ts'), what, place]
  const done = spawnSync('sh', ['-c', command, process.execPath, ...words], { encoding: 'utf8' })
  assert.is(done.status, 0, done.stderr)
  return JSON.parse(done.stdout) as Told
}

async function made(place: string, path: string): Promise<StoreFile> {
  return (await createDirectoryStore(place).open(path, { create: true })) as StoreFile
}

test('an error of another realm says as much as one of this', () => {
  const foreign = runInNewContext("new Error('why')") as Error
  const told = storageError('open', 'file', '/root', foreign)
  assert.is(told.cause, foreign)
  assert.match(told.message, /failed: why$/)
  assert.is(storageError('open', 'file', '/root', 'why').cause, undefined)
})

test('what Node forbids, and a name that is too long, are told with what to do', async () => {
  const forbidden = Object.assign(new Error('restricted'), { code: 'ERR_ACCESS_DENIED' })
  assert.match(storageError('open', 'file', '/root', forbidden).message, /run the process .* without it/)
  const { message } = await refusal(() => createDirectoryStore(join(freshPlace(), 'x'.repeat(300))).lock())
  assert.match(message, /ENAMETOOLONG, .* choose a shorter one/)
})

test('the directory is made on demand, for its owner only, and nothing before', async () => {
  const place = join(freshPlace(), 'a', 'b')
  const store = createDirectoryStore(place)
  assert.equal(await store.list(''), [])
  assert.is(await store.open('d/file', { create: false }), undefined)
  assert.not(existsSync(place))
  ;(await store.open('d/file', { create: true }))?.close()
  await store.syncDirectory('')
  assert.is(statSync(place).mode & 0o777, 0o700)
  assert.is(statSync(join(place, 'd')).mode & 0o777, 0o700)
  assert.is(statSync(join(place, 'd/file')).mode & 0o777, 0o600)
})

test('a root that vanishes under an open store does not come back empty', async () => {
  const place = freshPlace()
  const store = createDirectoryStore(place)
  ;(await store.open('file', { create: true }))?.close()
  rmSync(place, { recursive: true })
  const error = await refusal(() => store.open('d/file', { create: true }))
  assert.is(error.code, 'KAFKA_STORAGE_ERROR')
  assert.is(error.details['errno'], 'ENOENT')
  assert.not(existsSync(place))
})

test('a flush under way keeps its descriptor: the number must not name another file before the answer is there', async () => {
  const place = freshPlace()
  const isOpen = () => openedByThisProcess().includes(join(place, 'file'))
  const file = await made(place, 'file')
  const flushed = file.flush()
  file.close()
  assert.ok(isOpen())
  await flushed
  assert.not(isOpen())
})

function openedByThisProcess(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/self/fd/${descriptor}`)]
    } catch {
      // The one that listed them.
      return []
    }
  })
}

test('files that a network file system fails to close: the others are closed, and the lock is free', async () => {
  const place = freshPlace()
  const store = createDirectoryStore(place)
  await store.lock()
  for (const name of ['a', 'b', 'c', 'd']) await store.open(name, { create: true })
  const { closeSync } = fs
  // It tells there what it couldn't write; the descriptor is gone all the same.
  const failing = (descriptor: number): void => {
    const isData = !readlinkSync(`/proc/self/fd/${descriptor}`).endsWith('.lock')
    closeSync(descriptor)
    if (isData) throw Object.assign(new Error('quota'), { code: 'EDQUOT' })
  }
  Object.assign(fs, { closeSync: failing })
  syncBuiltinESMExports()
  try {
    const error = await refusal(() => store.close())
    assert.is(error.code, 'KAFKA_STORAGE_ERROR')
    assert.is(error.details['errno'], 'EDQUOT')
  } finally {
    Object.assign(fs, { closeSync })
    syncBuiltinESMExports()
  }
  assert.equal(
    openedByThisProcess().filter((each) => each.startsWith(place)),
    [],
  )
  const next = createDirectoryStore(place)
  await (await next.lock()).release()
  await next.close()
})

test('a file where the directory should be', async () => {
  const place = freshPlace()
  writeFileSync(place, '')
  for (const act of [
    () => createDirectoryStore(place).lock(),
    () => createDirectoryStore(join(place, 'below')).lock(),
    () => made(place, 'file'),
  ]) {
    const error = await refusal(act)
    assert.is(error.code, 'KAFKA_STORAGE_ERROR')
    assert.match(error.message, place)
    assert.ok(['EEXIST', 'ENOTDIR'].includes(String(error.details['errno'])), String(error.details['errno']))
  }
})

test('a place where nobody may write', async () => {
  const error = await refusal(() => createDirectoryStore('/proc/self/oncelog').lock())
  assert.is(error.code, 'KAFKA_STORAGE_ERROR')
  assert.is(error.details['operation'], 'lock')
  assert.ok(error.details['errno'] !== undefined)
})

test('a read-only file system is named with what to do', () => {
  const place = freshPlace()
  mkdirSync(place)
  const program = `
    const { createDirectoryStore } = await import(${JSON.stringify(join(import.meta.dirname, '../../bindings/storage/drivers/node-fs.ts'))})
    await createDirectoryStore(${JSON.stringify(place)}).lock().catch((error) => console.log(error.code, error.message))`
  const mounted = `mount --bind ${place} ${place} && mount -o remount,ro,bind ${place} && exec "$0" "$@"`
  const run = (...words: readonly string[]) =>
    spawnSync('unshare', ['-m', 'sh', '-c', mounted, ...words], { encoding: 'utf8' })
  const { status, stderr } = run('true')
  if (status !== 0) {
    console.log(`NOT RUN: read-only file system, needs the right to mount (${stderr?.trim().split('\n')[0]})`)
    return
  }
  const done = run(process.execPath, ...LOADER, '--input-type=module', '-e', program)
  assert.match(done.stdout, /^KAFKA_STORAGE_ERROR lock of .*EROFS, the file system is read-only/)
})

test('links and special files are refused wherever they lie, and removed as what they are', async () => {
  const place = freshPlace()
  const outside = freshPlace()
  mkdirSync(place)
  mkdirSync(outside)
  writeFileSync(join(outside, 'secret'), 'untouched')
  symlinkSync(join(outside, 'secret'), join(place, 'link'))
  symlinkSync(join(outside, 'made-through-a-link'), join(place, 'dangling'))
  symlinkSync(outside, join(place, 'linked'))
  spawnSync('mkfifo', [join(place, 'pipe')])
  const store = createDirectoryStore(place)
  for (const path of ['link', 'dangling', 'linked/secret', 'linked/new', 'pipe']) {
    const error = await refusal(() => store.open(path, { create: true }))
    assert.is(error.code, 'KAFKA_STORAGE_ERROR', path)
    assert.is(error.details['file'], path)
  }
  for (const act of [
    () => store.list('linked'),
    () => store.remove('linked/secret'),
    () => store.rename('linked/secret', 'linked/other'),
    () => store.syncDirectory('linked'),
  ]) {
    assert.is((await refusal(act)).details['errno'], 'ELOOP')
  }
  await store.remove('linked')
  assert.equal(readdirSync(outside), ['secret'])
})

test('a link to a missing directory is named, with what to do', async () => {
  const place = freshPlace()
  mkdirSync(place)
  symlinkSync('missing', join(place, 'link'))
  symlinkSync('loop', join(place, 'loop'))
  for (const [link, below, target] of [
    ['link', '', 'missing'],
    ['link', 'log', 'missing'],
    ['loop', '', 'loop'],
  ] as const) {
    const root = join(place, link, below)
    const error = await refusal(() => createDirectoryStore(root).lock())
    const what = `${join(place, link)} is a symbolic link to ${join(place, target)}, and that is missing`
    assert.is(error.message, `lock of ${root} failed: ${what}: make it, or remove the link`)
    assert.is(error.code, 'KAFKA_STORAGE_ERROR')
  }
  mkdirSync(join(place, 'missing'))
  const store = createDirectoryStore(join(place, 'link/log'))
  await store.lock()
  await store.close()
  assert.equal(readdirSync(join(place, 'missing')), ['log'])
})

test('each failure of the system has its code and says what to do; a quota is a full disk, but not for a flush', () => {
  const told = (operation: string, errno: string) => {
    const { code, message, details } = storageError(
      operation,
      'a/file',
      '/log',
      Object.assign(new Error(), { code: errno }),
    )
    assert.equal(details, { file: 'a/file', directory: '/log', operation, errno })
    return `${code}: ${message}`
  }
  const failed = 'of a/file in /log failed'
  for (const [operation, errno, expected] of [
    ['write', 'ENOSPC', `STORAGE_FULL: write ${failed}: ENOSPC, the device is full: free space`],
    ['open', 'ENOSPC', `STORAGE_FULL: open ${failed}: ENOSPC, there is no room for one more file: remove files (df -i`],
    ['write', 'EDQUOT', `STORAGE_FULL: write ${failed}: EDQUOT, the quota of this user is used up`],
    ['open', 'EDQUOT', `STORAGE_FULL: open ${failed}: EDQUOT, the quota`],
    ['flush', 'EDQUOT', `KAFKA_STORAGE_ERROR: flush ${failed}: EDQUOT, the quota`],
    ['close', 'EDQUOT', `KAFKA_STORAGE_ERROR: close ${failed}: EDQUOT, the quota`],
    ['syncDirectory', 'ENOSPC', `KAFKA_STORAGE_ERROR: syncDirectory ${failed}: ENOSPC, the device is full`],
    [
      'write',
      'EROFS',
      `KAFKA_STORAGE_ERROR: write ${failed}: EROFS, the file system is read-only: mount it for writing`,
    ],
    [
      'open',
      'EACCES',
      `KAFKA_STORAGE_ERROR: open ${failed}: EACCES, the process may not do this: give its user read and write access to the directory and all in it`,
    ],
    ['read', 'EIO', `KAFKA_STORAGE_ERROR: read ${failed}: EIO, the device failed: check it`],
    [
      'read',
      'ESTALE',
      `KAFKA_STORAGE_ERROR: read ${failed}: ESTALE, the file server does not know the file any more: mount`,
    ],
    [
      'list',
      'ENOTCONN',
      `KAFKA_STORAGE_ERROR: list ${failed}: ENOTCONN, the process that serves the file system is gone: mount`,
    ],
  ] as const) {
    assert.ok(told(operation, errno).startsWith(expected), told(operation, errno))
  }
})

test('the limit of open files: an open is refused with EMFILE and what to do, and works again below the limit', () => {
  const told = underLimit('-n 60', 'files', freshPlace())
  assert.is(told.code, 'KAFKA_STORAGE_ERROR')
  assert.match(told.message, /EMFILE, .*ulimit -n/)
  assert.equal(told.details.errno, 'EMFILE')
  assert.ok(told.opened > 5 && told.worksAfter)
})

test('the limit of file size: a short count is seen, then the write is refused as full', () => {
  const told = underLimit('-f 8', 'size', freshPlace())
  assert.is(told.code, 'STORAGE_FULL')
  assert.match(told.message, /EFBIG/)
  assert.equal(told.counts, [3000])
  assert.is(told.size, 4096, 'the part that fitted was written: 1096 of 3000')
})

test('a full device: the write is refused, and goes on once there is room', async () => {
  const place = freshPlace()
  mkdirSync(place)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', place], { encoding: 'utf8' })
  if (mounted.status !== 0) {
    console.log(`NOT RUN: full device, needs the right to mount a tmpfs (${mounted.stderr?.trim()})`)
    return
  }
  const store = createDirectoryStore(place)
  try {
    const lock = await store.lock()
    const file = (await store.open('d/file', { create: true })) as StoreFile
    const error = await refusal(() => writeFully(file, new Uint8Array(600_000).fill(1), 0))
    assert.is(error.code, 'STORAGE_FULL')
    assert.is(error.category, 'retriable')
    assert.ok(file.size() > 0 && file.size() < 600_000, 'a part was written')
    await lock.release()
    await (await store.lock()).release()
    file.truncate(0)
    writeFully(file, new Uint8Array(100_000), 0)
    await file.flush()
  } finally {
    await store.close()
    spawnSync('umount', ['-l', place])
  }
})

test.run()
