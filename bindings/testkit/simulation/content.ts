import { digestOfBytes } from './digest.ts'

/** Bytes and size of a file; a copy is cheap because the bytes are shared until one side writes. */
export class Content {
  #bytes: Uint8Array
  #shared = false
  /** Of the present bytes, once somebody asked. */
  #digest: readonly [number, number] | undefined
  sizeBytes: number

  constructor(bytes: Uint8Array = new Uint8Array(0), sizeBytes: number = bytes.length) {
    this.#bytes = bytes
    this.sizeBytes = sizeBytes
  }

  copy(): Content {
    const copy = new Content(this.#bytes, this.sizeBytes)
    copy.#shared = true
    copy.#digest = this.#digest
    this.#shared = true
    return copy
  }

  /** Two numbers that differ wherever content or size do. */
  digest(): readonly [number, number] {
    this.#digest ??= digestOfBytes(this.#bytes.subarray(0, this.sizeBytes))
    return this.#digest
  }

  read(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.length, this.sizeBytes - position))
    into.set(this.#bytes.subarray(position, position + count))
    return count
  }

  isSame(other: Content, position: number, lengthBytes: number): boolean {
    const mine = new Uint8Array(lengthBytes)
    const theirs = new Uint8Array(lengthBytes)
    if (this.read(mine, position) !== other.read(theirs, position)) return false
    return mine.every((byte, index) => byte === theirs[index])
  }

  write(bytes: Uint8Array, position: number): void {
    this.#own(position + bytes.length).set(bytes, position)
    this.sizeBytes = Math.max(this.sizeBytes, position + bytes.length)
  }

  /** What lies beyond the size is zeros at all times: an extension shows nothing old. */
  truncate(sizeBytes: number): void {
    this.#digest = undefined
    if (sizeBytes < this.sizeBytes) this.#own(sizeBytes).fill(0, sizeBytes, this.sizeBytes)
    else this.#own(sizeBytes)
    this.sizeBytes = sizeBytes
  }

  #own(neededBytes: number): Uint8Array {
    this.#digest = undefined
    if (!this.#shared && this.#bytes.length >= neededBytes) return this.#bytes
    let length = Math.max(512, this.#bytes.length)
    while (length < neededBytes) length *= 2
    const owned = new Uint8Array(length)
    owned.set(this.#bytes)
    this.#bytes = owned
    this.#shared = false
    return owned
  }
}

/** What a file was told since its last flush, in order. */
export type PendingChange =
  | { readonly kind: 'write'; readonly bytes: Uint8Array; readonly position: number }
  | { readonly kind: 'truncate'; readonly sizeBytes: number }

/** A file apart from its names. */
export class FileNode {
  visible: Content
  durable: Content
  pending: PendingChange[] = []

  constructor(visible: Content = new Content(), durable: Content = new Content()) {
    this.visible = visible
    this.durable = durable
  }

  /** Bytes that a failed flush dropped are visible and will never be written: what is visible says nothing more. */
  hasDropped = false

  flush(): void {
    this.durable = this.written()
    this.pending = []
  }

  /** What would be on the disk if all that is pending reached it. */
  written(): Content {
    if (!this.hasDropped) return this.visible.copy()
    const content = this.durable.copy()
    for (const change of this.pending) {
      if (change.kind === 'write') content.write(change.bytes, change.position)
      else content.truncate(change.sizeBytes)
    }
    return content
  }

  /** A flush failed: the pages count as clean, though they were not written; they show the new content or the old. */
  drop(shows: 'new' | 'old'): void {
    this.pending = []
    this.hasDropped = shows === 'new'
    if (shows === 'old') this.visible = this.durable.copy()
  }
}

export type DiskNode = FileNode | DirectoryNode

/** A name and what it names now (`undefined`: nothing). */
export type Entry = readonly [name: string, node: DiskNode | undefined]

/** One step that a directory took since its last sync. */
export interface EntryChange {
  /** Steps of all directories are in this order. */
  readonly order: number
  readonly entries: readonly Entry[]
}

let changes = 0

/** A directory's entries; a sub-directory's own entry belongs to its parent. */
export class DirectoryNode {
  visible: Map<string, DiskNode> = new Map<string, DiskNode>()
  durable: Map<string, DiskNode> = new Map<string, DiskNode>()
  pending: EntryChange[] = []

  change(...entries: readonly Entry[]): void {
    applyEntries(this.visible, entries)
    this.pending.push({ order: changes++, entries })
  }

  sync(): void {
    this.durable = new Map(this.visible)
    this.pending = []
  }
}

export function applyEntries(directory: Map<string, DiskNode>, entries: readonly Entry[]): void {
  for (const [name, node] of entries) {
    if (node === undefined) directory.delete(name)
    else directory.set(name, node)
  }
}
