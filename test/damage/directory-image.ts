import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { LogError } from '../../bindings/model/errors.ts'
import type { FileStore, StoreCapabilities, StoreFile, StoreLock } from '../../bindings/storage/file-store.ts'
import { ImageFile } from './image-file.ts'

const capabilities: StoreCapabilities = {
  name: 'image',
  durability: 'stable',
  synchronousFlush: true,
  rename: true,
  exclusiveLock: true,
}

/**
 * A log's directory in memory that a test may damage and open ten thousands of times: `fork` copies it in no time, and
 * what an open changes in its copy leaves the original alone. Holds what a killed process leaves too: all that was
 * written.
 */
export class DirectoryImage implements FileStore {
  readonly capabilities: StoreCapabilities = capabilities
  readonly files: Map<string, ImageFile>

  constructor(files: ReadonlyMap<string, ImageFile> = new Map()) {
    this.files = new Map(files)
  }

  fork(): DirectoryImage {
    return new DirectoryImage(new Map([...this.files].map(([path, file]) => [path, file.fork()])))
  }

  get paths(): readonly string[] {
    return [...this.files.keys()].sort()
  }

  /** The same directory on a real disk. */
  writeTo(directory: string): void {
    for (const [path, file] of this.files) {
      mkdirSync(dirname(join(directory, path)), { recursive: true })
      writeFileSync(join(directory, path), file.bytes())
    }
  }

  static readFrom(directory: string): DirectoryImage {
    const image = new DirectoryImage()
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      const file = new ImageFile()
      file.write(readFileSync(path), 0)
      image.files.set(path.slice(directory.length + 1), file)
    }
    return image
  }

  open(path: string, options: { readonly create: boolean }): StoreFile | undefined {
    let file = this.files.get(path)
    if (file === undefined) {
      if (!options.create) return undefined
      file = new ImageFile()
      this.files.set(path, file)
    }
    return new OpenFile(path, file)
  }

  list(directory: string): readonly string[] {
    const prefix = directory === '' ? '' : `${directory}/`
    const names = new Set<string>()
    for (const path of this.files.keys()) {
      if (path.startsWith(prefix)) names.add(path.slice(prefix.length).split('/')[0] ?? '')
    }
    return [...names].sort()
  }

  rename(from: string, to: string): void {
    for (const path of this.paths) {
      if (path !== from && !path.startsWith(`${from}/`)) continue
      const file = this.files.get(path)
      this.files.delete(path)
      if (file !== undefined) this.files.set(`${to}${path.slice(from.length)}`, file)
    }
  }

  remove(path: string): void {
    this.files.delete(path)
  }

  syncDirectory(): void {}

  lock(): StoreLock {
    return { release() {} }
  }

  close(): void {}
}

class OpenFile implements StoreFile {
  readonly path: string
  readonly #file: ImageFile
  #isOpen = true

  constructor(path: string, file: ImageFile) {
    this.path = path
    this.#file = file
  }

  read(into: Uint8Array, position: number): number {
    return this.#opened().read(into, position)
  }

  write(bytes: Uint8Array, position: number): number {
    this.#opened().write(bytes, position)
    return bytes.length
  }

  truncate(sizeBytes: number): void {
    this.#opened().truncate(sizeBytes)
  }

  size(): number {
    return this.#opened().sizeBytes
  }

  flush(): void {
    this.#opened()
  }

  close(): void {
    this.#isOpen = false
  }

  #opened(): ImageFile {
    if (this.#isOpen) return this.#file
    throw new LogError('KAFKA_STORAGE_ERROR', `${this.path} is closed`, { file: this.path })
  }
}
