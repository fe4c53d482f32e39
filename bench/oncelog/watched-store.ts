import { FRAME_HEADER_BYTES } from '../../bindings/log/journal/frame.ts'
import { readEntries } from '../../bindings/log/journal/frame-entry.ts'
import { FRAME_ALIGNMENT } from '../../bindings/log/journal/layout.ts'
import type { FileStore, StoreCapabilities, StoreFile, StoreLock } from '../../bindings/storage/file-store.ts'

// Where in a frame's head its payload's length and its number of entries stand (log/journal/frame.ts).
const PAYLOAD_BYTES_AT = 40
const ENTRY_COUNT_AT = 44

export type FileKind = 'ring' | 'header' | 'checkpoint' | 'segment' | 'index' | 'other'

function kindOf(path: string): FileKind {
  if (path.endsWith('.ring')) return 'ring'
  if (path === 'journal/header') return 'header'
  if (path.startsWith('checkpoint/')) return 'checkpoint'
  if (path.endsWith('.log')) return 'segment'
  return path.endsWith('index') ? 'index' : 'other'
}

/** Counts what goes to the disk under a log: flushes and bytes by kind of file, and what the journal's frames hold. */
export class WatchedStore implements FileStore {
  readonly #store: FileStore
  readonly #figures: Record<string, number> = {}

  constructor(store: FileStore) {
    this.#store = store
  }

  get capabilities(): StoreCapabilities {
    return this.#store.capabilities
  }

  get figures(): Readonly<Record<string, number>> {
    return this.#figures
  }

  count(name: string, by: number): void {
    this.#figures[name] = (this.#figures[name] ?? 0) + by
  }

  /**
   * A write to the journal's ring: zeros that make a file, or a frame. `bypassed`: frames that name data in a segment
   * instead of holding it (durability rule 2).
   */
  ringWritten(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (bytes.length < FRAME_HEADER_BYTES || view.getUint32(0) === 0) {
      this.count('ringBytes', bytes.length)
      return
    }
    const payloadBytes = view.getUint32(PAYLOAD_BYTES_AT)
    const payload = bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + payloadBytes)
    this.count('frames', 1)
    this.count('written.frames', Math.ceil(bytes.length / FRAME_ALIGNMENT) * FRAME_ALIGNMENT)
    const entries = readEntries(payload, view.getUint32(ENTRY_COUNT_AT), 'frame', 0)
    if (entries.some(({ kind }) => kind === 'extent')) this.count('bypassed', 1)
  }

  async open(path: string, options: { readonly create: boolean }): Promise<StoreFile | undefined> {
    const file = await this.#store.open(path, options)
    return file && new WatchedFile(file, this)
  }

  list(directory: string): ReturnType<FileStore['list']> {
    return this.#store.list(directory)
  }

  rename(from: string, to: string): ReturnType<FileStore['rename']> {
    return this.#store.rename(from, to)
  }

  remove(path: string): ReturnType<FileStore['remove']> {
    return this.#store.remove(path)
  }

  syncDirectory(directory: string): ReturnType<FileStore['syncDirectory']> {
    this.count('flushes.directory', 1)
    return this.#store.syncDirectory(directory)
  }

  lock(): StoreLock | Promise<StoreLock> {
    return this.#store.lock()
  }

  close(): ReturnType<FileStore['close']> {
    return this.#store.close()
  }
}

class WatchedFile implements StoreFile {
  readonly path: string
  readonly writeDurably?: NonNullable<StoreFile['writeDurably']>
  readonly #file: StoreFile
  readonly #store: WatchedStore
  readonly #kind: FileKind

  constructor(file: StoreFile, store: WatchedStore) {
    this.path = file.path
    this.#file = file
    this.#store = store
    this.#kind = kindOf(file.path)
    if (file.writeDurably !== undefined) this.writeDurably = this.#watchDurably(file.writeDurably.bind(file))
  }

  read(into: Uint8Array, position: number): number {
    return this.#file.read(into, position)
  }

  write(bytes: Uint8Array, position: number): number {
    this.#written(bytes)
    return this.#file.write(bytes, position)
  }

  #written(bytes: Uint8Array): void {
    if (this.#kind === 'ring') this.#store.ringWritten(bytes)
    else this.#store.count(`written.${this.#kind}`, bytes.length)
  }

  truncate(sizeBytes: number): void {
    this.#file.truncate(sizeBytes)
  }

  size(): number {
    return this.#file.size()
  }

  flush(): void | Promise<void> {
    this.#store.count(`flushes.${this.#kind}`, 1)
    return this.#file.flush()
  }

  #watchDurably(write: NonNullable<StoreFile['writeDurably']>): NonNullable<StoreFile['writeDurably']> {
    return (bytes, position) => {
      this.#written(bytes)
      this.#store.count(`flushes.${this.#kind}`, 1)
      return write(bytes, position)
    }
  }

  close(): void {
    this.#file.close()
  }
}
