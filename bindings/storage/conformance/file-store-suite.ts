import { writeFully } from '../checked-write.ts'
import type { Awaitable, FileStore, StoreFile } from '../file-store.ts'
import { type ConformanceCase, check, failure, same, sameBytes } from './case.ts'

export interface FileStoreFixture {
  /** Empty when the case begins. */
  readonly store: FileStore
  /** Another store over the same files, while the first may still be open: as a second process would have it. */
  reopen(): Awaitable<FileStore>
  dispose(): Awaitable<void>
}

type Act = (fixture: FileStoreFixture) => Promise<void>

/** A file store is one that passes all of these; the names say which sentence of file-store.ts each holds it to. */
export function fileStoreConformance(create: () => Awaitable<FileStoreFixture>): readonly ConformanceCase[] {
  return Object.entries({ ...manifestCases, ...openCases, ...contentCases, ...directoryCases, ...lockCases }).map(
    ([name, act]) => ({
      name,
      async run(): Promise<void> {
        const fixture = await create()
        try {
          await act(fixture)
        } finally {
          await fixture.dispose()
        }
      },
    }),
  )
}

const text = (letters: string): Uint8Array => new TextEncoder().encode(letters)

async function make(store: FileStore, path: string, content: string): Promise<StoreFile> {
  const file = await store.open(path, { create: true })
  check(file !== undefined, `${path} to be created`)
  writeFully(file, text(content), 0)
  return file
}

async function contentOf(store: FileStore, path: string): Promise<string | undefined> {
  const file = await store.open(path, { create: false })
  if (file === undefined) return undefined
  const bytes = new Uint8Array(file.size())
  same(file.read(bytes, 0), bytes.length, `bytes read of ${path}`)
  file.close()
  return new TextDecoder().decode(bytes)
}

/** What a name could try. Each must be refused by every operation, before anything is touched. */
const hostilePaths: readonly string[] = [
  '.',
  '..',
  '/',
  '/etc/passwd',
  '../outside',
  'a/../../outside',
  'a/..',
  'a/.',
  './a',
  'a//b',
  'a/',
  '/a',
  'a\\b',
  '..\\outside',
  'C:\\a',
  'a\0',
  'a\nb',
  'a b',
  'é',
  `${'a'.repeat(256)}`,
  '.lock',
]

const manifestCases: Record<string, Act> = {
  async 'capabilities: frozen, and every claim is there'({ store }) {
    const { capabilities } = store
    check(Object.isFrozen(capabilities), 'the manifest to be frozen')
    check(capabilities.name.length > 0, 'a name')
    check(['memory', 'os', 'stable', 'replicated'].includes(capabilities.durability), 'a known durability')
    for (const claim of ['synchronousFlush', 'rename', 'exclusiveLock'] as const) {
      same(typeof capabilities[claim], 'boolean', claim)
    }
  },
  async 'capabilities: synchronousFlush says whether flush answers without a promise'({ store }) {
    const file = await make(store, 'file', 'content')
    const answer = file.flush()
    same(!(answer instanceof Promise), store.capabilities.synchronousFlush, 'flush without a promise')
    await answer
    file.close()
  },
  async 'capabilities: a store without rename refuses it'({ store }) {
    ;(await make(store, 'from', 'content')).close()
    if (store.capabilities.rename) await store.rename('from', 'to')
    else await failure(() => store.rename('from', 'to'), 'rename', 'KAFKA_STORAGE_ERROR')
  },
}

const openCases: Record<string, Act> = {
  async 'open: without create a missing file or directory answers undefined, and makes nothing'({ store }) {
    same(await store.open('missing', { create: false }), undefined, 'a missing file')
    same(await store.open('nowhere/missing', { create: false }), undefined, 'a file in a missing directory')
    same(await store.list(''), [], 'the root')
  },
  async 'open: with create makes the file and its directories, and leaves content as it is'({ store }) {
    const file = await make(store, 'outer/inner/file', 'content')
    same(file.path, 'outer/inner/file', 'path')
    file.close()
    const again = await store.open('outer/inner/file', { create: true })
    same(again?.size(), 7, 'size after the second open')
    again?.close()
    same(await contentOf(store, 'outer/inner/file'), 'content', 'content')
  },
  async 'open: two handles of one file see the same bytes at once'({ store }) {
    const file = await make(store, 'file', 'one')
    const other = await store.open('file', { create: false })
    writeFully(file, text('two!'), 0)
    const bytes = new Uint8Array(4)
    same(other?.read(bytes, 0), 4, 'bytes read')
    sameBytes(bytes, text('two!'), 'content')
    file.close()
    other?.close()
  },
  async 'open: a directory is no file, and a file no directory'({ store }) {
    ;(await make(store, 'directory/file', '')).close()
    await failure(() => store.open('directory', { create: true }), 'opening a directory', 'KAFKA_STORAGE_ERROR')
    await failure(() => store.open('directory/file/x', { create: true }), 'a file in a file', 'KAFKA_STORAGE_ERROR')
  },
  async 'paths: nothing that leaves the root or has no plain name is touched'({ store }) {
    for (const path of hostilePaths) {
      const acts: readonly (readonly [operation: string, act: () => unknown])[] = [
        ['open', () => store.open(path, { create: true })],
        ['open', () => store.open(path, { create: false })],
        ['list', () => store.list(path)],
        ['rename', () => store.rename(path, 'a')],
        ['rename', () => store.rename('a', path)],
        ['remove', () => store.remove(path)],
        ['syncDirectory', () => store.syncDirectory(path)],
      ]
      for (const [operation, act] of acts) {
        const error = await failure(act, `${operation} of ${JSON.stringify(path)}`, 'KAFKA_STORAGE_ERROR')
        same(error.details['operation'], operation, 'operation in the details')
        check(typeof error.details['file'] === 'string', 'the file in the details')
      }
    }
    await failure(() => store.open('', { create: true }), 'opening the root', 'KAFKA_STORAGE_ERROR')
    await failure(() => store.remove(''), 'removing the root', 'KAFKA_STORAGE_ERROR')
    same(await store.list(''), [], 'the root')
  },
  async 'paths: the longest topic name and every character of one'({ store }) {
    const names = [`${'a'.repeat(249)}-2147`, '.hidden-0', '...-1', 'A.z_9-0', '-']
    for (const name of names) (await make(store, `${name}/0.log`, name)).close()
    same(await store.list(''), [...names].sort(), 'the root')
    for (const name of names) same(await contentOf(store, `${name}/0.log`), name, 'content')
  },
}

const contentCases: Record<string, Act> = {
  async 'read: short only at the end of the file'({ store }) {
    const file = await make(store, 'file', 'abcdef')
    const bytes = text('........')
    same(file.read(bytes.subarray(0, 4), 0), 4, 'inside')
    same(file.read(bytes, 4), 2, 'over the end')
    sameBytes(bytes, text('efcd....'), 'what was read, and nothing behind it')
    same(file.read(bytes, 6), 0, 'at the end')
    same(file.read(bytes, 100), 0, 'beyond the end')
    same(file.read(new Uint8Array(0), 0), 0, 'nothing')
    file.close()
  },
  async 'read: whole, however large'({ store }) {
    const file = await make(store, 'file', '')
    const bytes = Uint8Array.from({ length: 3_000_001 }, (_, index) => (index * 31 + (index >> 8)) & 255)
    writeFully(file, bytes, 0)
    const seen = new Uint8Array(bytes.length)
    same(file.read(seen, 0), bytes.length, 'bytes read')
    sameBytes(seen, bytes, 'content')
    const part = new Uint8Array(100_000)
    same(file.read(part, 1_000_003), part.length, 'bytes read in the middle')
    sameBytes(part, bytes.subarray(1_000_003, 1_100_003), 'the middle')
    file.close()
  },
  async 'write: positional, over what is there and beyond'({ store }) {
    const file = await make(store, 'file', 'abcdef')
    writeFully(file, text('XY'), 2)
    writeFully(file, text('ghi'), 5)
    same(file.size(), 8, 'size')
    file.close()
    same(await contentOf(store, 'file'), 'abXYeghi', 'content')
  },
  async 'write: takes the bytes as they are during the call'({ store }) {
    const file = await make(store, 'file', '')
    const bytes = text('before')
    writeFully(file, bytes.subarray(1, 5), 0)
    bytes.fill(0)
    file.close()
    same(await contentOf(store, 'file'), 'efor', 'content')
  },
  async 'write: past the end extends the file with zeros'({ store }) {
    const file = await make(store, 'file', 'abc')
    writeFully(file, text('z'), 2_500_000)
    same(file.size(), 2_500_001, 'size')
    const gap = new Uint8Array(2_499_997).fill(1)
    same(file.read(gap, 3), gap.length, 'bytes read')
    check(
      gap.every((byte) => byte === 0),
      'zeros between the old end and the write',
    )
    file.close()
  },
  async 'truncate: cuts, and what comes after is zeros again'({ store }) {
    const file = await make(store, 'file', 'abcdef')
    file.truncate(2)
    same(file.size(), 2, 'size')
    writeFully(file, text('x'), 5)
    const bytes = new Uint8Array(6)
    file.read(bytes, 0)
    sameBytes(bytes, text('ab\0\0\0x'), 'content')
    file.truncate(0)
    same(file.size(), 0, 'size at last')
    file.close()
  },
  async 'cut, where a driver has it: as truncate, and a file that is closed meanwhile is cut still'({ store }) {
    const file = await make(store, 'file', 'abcdef')
    if (file.cut === undefined) return file.close()
    await file.cut(4)
    same(file.size(), 4, 'size')
    writeFully(file, text('x'), 4)
    const done = file.cut(2)
    file.close()
    await done
    same(await contentOf(store, 'file'), 'ab', 'content')
    await failure(() => file.cut?.(0), 'truncate', 'KAFKA_STORAGE_ERROR')
  },
  async 'flush: of changed, unchanged and empty files, and several at once'({ store }) {
    const file = await make(store, 'file', 'abc')
    await file.flush()
    await file.flush()
    await Promise.all([file.flush(), file.flush()])
    file.close()
    const empty = await make(store, 'empty', '')
    await empty.flush()
    empty.close()
  },
  async 'flush: a file that is closed meanwhile is flushed still'({ store }) {
    const file = await make(store, 'file', 'abc')
    const flushed = file.flush()
    file.close()
    await flushed
    same(await contentOf(store, 'file'), 'abc', 'content')
  },
  async 'close: the handle refuses everything after it, and a second close is fine'({ store }) {
    const file = await make(store, 'file', 'abc')
    file.close()
    file.close()
    const other = await make(store, 'other', 'other')
    const bytes = new Uint8Array(3)
    await failure(() => file.read(bytes, 0), 'read', 'KAFKA_STORAGE_ERROR')
    await failure(() => file.write(bytes, 0), 'write', 'KAFKA_STORAGE_ERROR')
    await failure(() => file.truncate(0), 'truncate', 'KAFKA_STORAGE_ERROR')
    await failure(() => file.size(), 'size', 'KAFKA_STORAGE_ERROR')
    await failure(() => file.flush(), 'flush', 'KAFKA_STORAGE_ERROR')
    other.close()
    same(await contentOf(store, 'other'), 'other', 'the file that was opened next')
  },
}

const directoryCases: Record<string, Act> = {
  async 'list: names of files and directories, sorted'({ store }) {
    for (const path of ['b', 'a10', 'a2', 'B', 'c/inner', 'c/d/e', 'ab']) (await make(store, path, '')).close()
    same(await store.list(''), ['B', 'a10', 'a2', 'ab', 'b', 'c'], 'the root')
    same(await store.list('c'), ['d', 'inner'], 'c')
    same(await store.list('missing'), [], 'a missing directory')
    same(await store.list('missing/deeper'), [], 'a directory in a missing one')
  },
  async 'rename: replaces an existing file'({ store }) {
    if (!store.capabilities.rename) return
    ;(await make(store, 'd/from', 'new')).close()
    ;(await make(store, 'd/to', 'old and longer')).close()
    await store.rename('d/from', 'd/to')
    await store.syncDirectory('d')
    same(await store.list('d'), ['to'], 'd')
    same(await contentOf(store, 'd/to'), 'new', 'content')
  },
  async 'rename: of a missing file, or into another directory, is refused and changes nothing'({ store }) {
    if (!store.capabilities.rename) return
    ;(await make(store, 'a/file', 'a')).close()
    ;(await make(store, 'b/file', 'b')).close()
    await failure(() => store.rename('missing', 'file'), 'a missing file', 'KAFKA_STORAGE_ERROR')
    await failure(() => store.rename('a/file', 'b/file'), 'another directory', 'KAFKA_STORAGE_ERROR')
    same(await contentOf(store, 'a/file'), 'a', 'a/file')
    same(await contentOf(store, 'b/file'), 'b', 'b/file')
  },
  async 'rename: of a directory moves what is in it'({ store }) {
    if (!store.capabilities.rename) return
    ;(await make(store, 'from/inner/file', 'content')).close()
    await store.rename('from', 'to')
    same(await store.list(''), ['to'], 'the root')
    same(await contentOf(store, 'to/inner/file'), 'content', 'content')
  },
  async 'remove: files and empty directories; a missing one is fine, a full one is not'({ store }) {
    ;(await make(store, 'd/file', '')).close()
    await failure(() => store.remove('d'), 'removing a full directory', 'KAFKA_STORAGE_ERROR')
    await store.remove('d/file')
    await store.remove('d/file')
    same(await store.list(''), ['d'], 'the emptied directory')
    await store.syncDirectory('d')
    await store.remove('d')
    await store.remove('d')
    await store.remove('missing/file')
    await store.syncDirectory('')
    same(await store.list(''), [], 'the root')
  },
  async 'remove: a file made anew under the name is empty'({ store }) {
    ;(await make(store, 'file', 'old')).close()
    await store.remove('file')
    same((await make(store, 'file', '')).size(), 0, 'size')
  },
  async 'syncDirectory: the root, also before anything is in it, and below; a missing one is an error'({ store }) {
    await store.syncDirectory('')
    ;(await make(store, 'd/e/file', '')).close()
    await Promise.all([store.syncDirectory(''), store.syncDirectory('d'), store.syncDirectory('d/e')])
    await failure(() => store.syncDirectory('missing'), 'a missing directory', 'KAFKA_STORAGE_ERROR')
  },
  async 'another store over the same place finds what was written'({ store, reopen }) {
    const file = await make(store, 'd/file', 'content')
    await file.flush()
    await store.syncDirectory('d')
    await store.syncDirectory('')
    file.close()
    await store.close()
    const again = await reopen()
    same(await again.list(''), ['d'], 'the root')
    same(await contentOf(again, 'd/file'), 'content', 'content')
    await again.close()
  },
}

const lockCases: Record<string, Act> = {
  async 'lock: excludes every other, names the holder, and frees'({ store, reopen }) {
    if (!store.capabilities.exclusiveLock) {
      await failure(() => store.lock(), 'a lock that the driver does not have', 'LOCK_UNSUPPORTED')
      return
    }
    const lock = await store.lock()
    const other = await reopen()
    const error = await failure(() => other.lock(), 'a second lock', 'DIRECTORY_IN_USE')
    for (const detail of ['pid', 'host', 'since']) check(detail in error.details, `${detail} in the details`)
    await failure(() => store.lock(), 'a second lock of the same store', 'DIRECTORY_IN_USE')
    await lock.release()
    await lock.release()
    const next = await other.lock()
    await failure(() => store.lock(), 'a lock while the other holds', 'DIRECTORY_IN_USE')
    await lock.release()
    await failure(() => store.lock(), 'a lock after a stale release', 'DIRECTORY_IN_USE')
    await next.release()
    await (await store.lock()).release()
    await other.close()
  },
  async 'lock: leaves no trace among the files'({ store }) {
    if (!store.capabilities.exclusiveLock) return
    const lock = await store.lock()
    same(await store.list(''), [], 'the root')
    await lock.release()
    same(await store.list(''), [], 'the root after it')
  },
  async 'close: frees the lock, and the store refuses everything after it'({ store, reopen }) {
    if (store.capabilities.exclusiveLock) await store.lock()
    await store.close()
    await store.close()
    await failure(() => store.open('file', { create: true }), 'open', 'KAFKA_STORAGE_ERROR')
    await failure(() => store.list(''), 'list', 'KAFKA_STORAGE_ERROR')
    await failure(() => store.syncDirectory(''), 'syncDirectory', 'KAFKA_STORAGE_ERROR')
    const again = await reopen()
    if (again.capabilities.exclusiveLock) await (await again.lock()).release()
    await again.close()
  },
}
