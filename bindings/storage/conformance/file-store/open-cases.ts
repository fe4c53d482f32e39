import { writeFully } from '../../checked-write.ts'
import { check, same, sameBytes } from '../case.ts'
import { contentOf, make, refused, text } from './contents.ts'
import type { FileStoreCases } from './fixture.ts'

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

export const openCases: FileStoreCases = {
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
    const bytes = new Uint8Array(4)
    same(other?.read(bytes, 0), 3, 'bytes read at first')
    writeFully(file, text('two!'), 0)
    same(other?.read(bytes, 0), 4, 'bytes read')
    sameBytes(bytes, text('two!'), 'content')
    file.truncate(2)
    same(other?.size(), 2, 'size')
    file.close()
    other?.close()
  },
  async 'open: of a new file twice at once makes one'({ store }) {
    const [file, other] = await Promise.all([1, 2].map(() => store.open('file', { create: true })))
    check(file !== undefined, 'the file to be created')
    writeFully(file, text('one'), 0)
    same(other?.size(), 3, 'size by the other handle')
    file.close()
    other?.close()
    same(await contentOf(store, 'file'), 'one', 'content')
  },
  async 'open: a directory is no file, and a file no directory'({ store }) {
    ;(await make(store, 'directory/file', '')).close()
    await refused(() => store.open('directory', { create: true }), 'opening a directory', 'open')
    for (const create of [true, false]) {
      const error = await refused(() => store.open('directory/file/x', { create }), 'a file in a file', 'open')
      same(error.details['errno'], 'ENOTDIR', 'errno in the details')
    }
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
        await refused(act, `${operation} of ${JSON.stringify(path)}`, operation)
      }
    }
    await refused(() => store.open('', { create: true }), 'opening the root', 'open')
    await refused(() => store.remove(''), 'removing the root', 'remove')
    same(await store.list(''), [], 'the root')
  },
  async 'paths: the longest topic name and every character of one'({ store }) {
    const names = [`${'a'.repeat(249)}-2147`, '.hidden-0', '...-1', 'A.z_9-0', '-']
    for (const name of names) (await make(store, `${name}/0.log`, name)).close()
    same(await store.list(''), [...names].sort(), 'the root')
    for (const name of names) same(await contentOf(store, `${name}/0.log`), name, 'content')
  },
}
