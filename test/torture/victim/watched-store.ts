import type {
  Awaitable,
  FileStore,
  StoreCapabilities,
  StoreFile,
  StoreLock,
} from '../../../bindings/storage/file-store.ts'
import type { Aim } from './aim.ts'

/** A file store whose operations can be the last. */
export class WatchedStore implements FileStore {
  readonly #store: FileStore
  readonly #aim: Aim

  constructor(store: FileStore, aim: Aim) {
    this.#store = store
    this.#aim = aim
  }

  get capabilities(): StoreCapabilities {
    return this.#store.capabilities
  }

  open(path: string, options: { readonly create: boolean }): Awaitable<StoreFile | undefined> {
    return this.#aim.operation(options.create ? 'create' : 'open', path, () => {
      const file = this.#store.open(path, options)
      if (file instanceof Promise) return file.then((opened) => opened && new WatchedFile(opened, this.#aim))
      return file && new WatchedFile(file, this.#aim)
    })
  }

  list(directory: string): Awaitable<readonly string[]> {
    return this.#aim.operation('list', directory, () => this.#store.list(directory))
  }

  rename(from: string, to: string): Awaitable<void> {
    return this.#aim.operation('rename', to.endsWith('.log') && from.endsWith('.swap') ? from : to, () =>
      this.#store.rename(from, to),
    )
  }

  remove(path: string): Awaitable<void> {
    return this.#aim.operation('remove', path, () => this.#store.remove(path))
  }

  syncDirectory(directory: string): Awaitable<void> {
    return this.#aim.operation('syncDirectory', directory, () => this.#store.syncDirectory(directory))
  }

  lock(): Awaitable<StoreLock> {
    return this.#store.lock()
  }

  close(): Awaitable<void> {
    return this.#store.close()
  }
}

class WatchedFile implements StoreFile {
  readonly writeDurably?: NonNullable<StoreFile['writeDurably']>
  readonly #file: StoreFile
  readonly #aim: Aim

  constructor(file: StoreFile, aim: Aim) {
    this.#file = file
    this.#aim = aim
    if (file.writeDurably !== undefined) this.writeDurably = this.#aimed(file.writeDurably.bind(file))
  }

  get path(): string {
    return this.#file.path
  }

  read(into: Uint8Array, position: number): number {
    return this.#file.read(into, position)
  }

  write(bytes: Uint8Array, position: number): number {
    return this.#aim.operation('write', this.path, () => this.#file.write(bytes, position), this.#tear(bytes, position))
  }

  #aimed(write: NonNullable<StoreFile['writeDurably']>): NonNullable<StoreFile['writeDurably']> {
    return (bytes, position) => {
      return this.#aim.operation('write', this.path, () => write(bytes, position), this.#tear(bytes, position))
    }
  }

  #tear(bytes: Uint8Array, position: number): () => void {
    return () => void this.#file.write(bytes.subarray(0, bytes.length >> 1), position)
  }

  truncate(sizeBytes: number): void {
    this.#aim.operation('truncate', this.path, () => this.#file.truncate(sizeBytes))
  }

  size(): number {
    return this.#file.size()
  }

  isShared(): boolean {
    return this.#file.isShared?.() ?? false
  }

  assertInPlace(): void {
    this.#file.assertInPlace?.()
  }

  flush(): Awaitable<void> {
    return this.#aim.operation('flush', this.path, () => this.#file.flush())
  }

  close(): void {
    this.#file.close()
  }
}
