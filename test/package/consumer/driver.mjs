// A storage driver as a user writes one: files in a Map, named with slashes. It knows the package by its exports alone.
import { LogError } from 'oncelog'

const capabilities = Object.freeze({
  name: 'map',
  durability: 'memory',
  synchronousFlush: true,
  rename: true,
  exclusiveLock: true,
})

const NAME = /^[A-Za-z0-9._-]{1,255}$/

function refuse(operation, file, why, errno) {
  throw new LogError('KAFKA_STORAGE_ERROR', `${operation} of ${file || 'the root'}: ${why}`, { file, operation, errno })
}

function check(path, operation) {
  const isInside = path.split('/').every((name) => NAME.test(name) && name !== '.' && name !== '..')
  if (!isInside || path === '.lock') refuse(operation, path, 'no name for a file')
}

class MapFile {
  #file
  #store
  #isOpen = true

  constructor(path, file, store) {
    this.path = path
    this.#file = file
    this.#store = store
  }

  read(into, position) {
    const part = this.#usable('read').bytes.subarray(position, position + into.length)
    into.set(part)
    return part.length
  }

  write(bytes, position) {
    const file = this.#usable('write')
    if (position + bytes.length > file.bytes.length) this.truncate(position + bytes.length)
    file.bytes.set(bytes, position)
    return bytes.length
  }

  truncate(sizeBytes) {
    const file = this.#usable('truncate')
    const bytes = new Uint8Array(sizeBytes)
    bytes.set(file.bytes.subarray(0, sizeBytes))
    file.bytes = bytes
  }

  size() {
    return this.#usable('size').bytes.length
  }

  flush() {
    this.#usable('flush')
  }

  close() {
    this.#isOpen = false
  }

  #usable(operation) {
    if (!this.#isOpen || this.#store.isClosed) refuse(operation, this.path, 'the file is closed')
    return this.#file
  }
}

export class MapStore {
  capabilities = capabilities
  #tree
  #lock
  isClosed = false

  constructor(tree = { files: new Map(), directories: new Set(['']), holder: undefined }) {
    this.#tree = tree
  }

  reopen() {
    return new MapStore(this.#tree)
  }

  open(path, { create }) {
    this.#usable('open', path)
    check(path, 'open')
    const { files, directories } = this.#tree
    if (directories.has(path)) refuse('open', path, 'it is a directory')
    if (!files.has(path)) {
      const names = path.split('/').slice(0, -1)
      const above = names.map((_, index) => names.slice(0, index + 1).join('/'))
      for (const directory of above) if (files.has(directory)) refuse('open', directory, 'it is a file', 'ENOTDIR')
      if (!create) return undefined
      for (const directory of above) directories.add(directory)
      files.set(path, { bytes: new Uint8Array(0) })
    }
    return new MapFile(path, files.get(path), this)
  }

  list(directory) {
    this.#usable('list', directory)
    if (directory !== '') check(directory, 'list')
    if (this.#tree.files.has(directory)) refuse('list', directory, 'it is a file')
    const start = directory === '' ? '' : `${directory}/`
    return [...this.#tree.files.keys(), ...this.#tree.directories]
      .filter((path) => path !== '' && path.startsWith(start) && !path.slice(start.length).includes('/'))
      .map((path) => path.slice(start.length))
      .sort()
  }

  rename(from, to) {
    this.#usable('rename', from)
    check(from, 'rename')
    check(to, 'rename')
    const { files, directories } = this.#tree
    const above = (path) => path.slice(0, Math.max(0, path.lastIndexOf('/')))
    if (above(from) !== above(to)) refuse('rename', to, 'it is in another directory')
    if (directories.has(to)) refuse('rename', to, 'it is a directory')
    if (!files.has(from) && !directories.has(from)) refuse('rename', from, 'there is none')
    // A directory takes along what lies in it.
    for (const tree of [files, directories]) {
      for (const path of [...tree.keys()].filter((each) => each === from || each.startsWith(`${from}/`))) {
        const place = `${to}${path.slice(from.length)}`
        if (tree === files) files.set(place, files.get(path))
        else directories.add(place)
        tree.delete(path)
      }
    }
  }

  remove(path) {
    this.#usable('remove', path)
    check(path, 'remove')
    if (this.#tree.files.delete(path) || !this.#tree.directories.has(path)) return
    if (this.list(path).length > 0) refuse('remove', path, 'it is not empty')
    this.#tree.directories.delete(path)
  }

  syncDirectory(directory) {
    this.#usable('syncDirectory', directory)
    if (directory !== '') check(directory, 'syncDirectory')
    if (!this.#tree.directories.has(directory)) refuse('syncDirectory', directory, 'there is none')
  }

  lock() {
    this.#usable('lock', '')
    const tree = this.#tree
    if (tree.holder !== undefined) {
      throw new LogError('DIRECTORY_IN_USE', 'it is held', { pid: undefined, host: undefined, since: undefined })
    }
    const lock = {
      release() {
        if (tree.holder === lock) tree.holder = undefined
      },
    }
    tree.holder = lock
    this.#lock = lock
    return lock
  }

  close() {
    this.isClosed = true
    this.#lock?.release()
  }

  #usable(operation, path) {
    if (this.isClosed) refuse(operation, path, 'the store is closed')
  }
}
