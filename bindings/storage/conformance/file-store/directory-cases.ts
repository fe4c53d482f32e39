import { check, same } from '../case.ts'
import { contentOf, make, refused } from './contents.ts'
import type { FileStoreCases } from './fixture.ts'

export const directoryCases: FileStoreCases = {
  async 'list: names of files and directories, sorted'({ store }) {
    for (const directory of ['', 'c']) same(await store.list(directory), [], 'a directory before it has files')
    for (const path of ['b', 'a10', 'a2', 'B', 'c/inner', 'c/d/e', 'ab']) (await make(store, path, '')).close()
    same(await store.list(''), ['B', 'a10', 'a2', 'ab', 'b', 'c'], 'the root')
    same(await store.list('c'), ['d', 'inner'], 'c')
    same(await store.list('missing'), [], 'a missing directory')
    same(await store.list('missing/deeper'), [], 'a directory in a missing one')
  },
  async 'list: all names, however many'({ store }) {
    const names = Array.from({ length: 1100 }, (_, index) => `${10_000 + index}`)
    for (const name of names) (await make(store, `d/${name}`, '')).close()
    const seen = await store.list('d')
    same(seen.length, names.length, 'names')
    same(seen, names, 'd')
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
  async 'rename: over a file is one step, and who looks meanwhile finds the one or the other'({ store }) {
    if (!store.capabilities.rename) return
    ;(await make(store, 'd/from', 'new')).close()
    ;(await make(store, 'd/to', 'old')).close()
    const renamed = store.rename('d/from', 'd/to')
    const seen = await store.open('d/to', { create: false })
    check(seen !== undefined, 'a file under the name while it is replaced')
    seen.close()
    await renamed
    same(await contentOf(store, 'd/to'), 'new', 'content')
  },
  async 'rename and remove: also of a file that is open, which can be closed, and nothing comes back with it'({
    store,
  }) {
    const gone = await make(store, 'd/gone', 'gone')
    await store.remove('d/gone')
    gone.close()
    const moved = await make(store, 'd/from', 'new')
    const replaced = await make(store, 'd/to', 'old')
    if (store.capabilities.rename) await store.rename('d/from', 'd/to')
    moved.close()
    replaced.close()
    same(await store.list('d'), store.capabilities.rename ? ['to'] : ['from', 'to'], 'd')
    same(await contentOf(store, 'd/to'), store.capabilities.rename ? 'new' : 'old', 'content')
  },
  async 'rename: of a missing file, or into another directory, is refused and changes nothing'({ store }) {
    if (!store.capabilities.rename) return
    ;(await make(store, 'a/file', 'a')).close()
    ;(await make(store, 'b/file', 'b')).close()
    await refused(() => store.rename('missing', 'file'), 'a missing file', 'rename')
    await refused(() => store.rename('a/file', 'b/file'), 'another directory', 'rename')
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
    await refused(() => store.remove('d'), 'removing a full directory', 'remove')
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
    await refused(() => store.syncDirectory('missing'), 'a missing directory', 'syncDirectory')
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
