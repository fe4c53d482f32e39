import { Content } from './content.ts'
import type { Words } from './digest.ts'

/** What a file was told since its last flush, in order. */
export type PendingChange =
  | {
      readonly kind: 'write'
      readonly bytes: Uint8Array
      readonly position: number
      /** Of the bytes, once somebody asked. */
      digest?: Words
    }
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

  /** It only takes up room on the disk: no byte of it is ever read, so a crash can't leave any. */
  isSpace = false

  write(bytes: Uint8Array, position: number): void {
    if (this.isSpace) return this.#grow(position, bytes.length)
    this.visible.write(bytes, position)
    this.pending.push({ kind: 'write', bytes, position })
  }

  /** In two steps, so that a crash can leave a part. */
  #grow(position: number, lengthBytes: number): void {
    for (const sizeBytes of [position + (lengthBytes >>> 1), position + lengthBytes]) {
      if (sizeBytes > this.visible.sizeBytes) this.truncate(sizeBytes)
    }
  }

  truncate(sizeBytes: number): void {
    this.visible.truncate(sizeBytes)
    this.pending.push({ kind: 'truncate', sizeBytes })
  }

  /**
   * Bytes that a failed flush dropped are visible and will never be written: so what is visible no longer tells what
   * will be durable.
   */
  hasDropped = false

  /** `last`: the newest change when it began; those that came after it stay pending. */
  flush(last: PendingChange | undefined): void {
    const count = last === undefined ? 0 : this.pending.lastIndexOf(last) + 1
    this.durable = count === this.pending.length ? this.written() : this.#durableWith(this.pending.slice(0, count))
    this.pending = this.pending.slice(count)
  }

  /** What would be on the disk if all that is pending reached it. */
  written(): Content {
    return this.hasDropped ? this.#durableWith(this.pending) : this.visible.copy()
  }

  #durableWith(changes: readonly PendingChange[]): Content {
    const content = this.durable.copy()
    for (const change of changes) {
      if (change.kind === 'write') content.write(change.bytes, change.position)
      else content.truncate(change.sizeBytes)
    }
    return content
  }

  /**
   * A flush failed when `reached` was on the disk: the pages count as clean, though not all were written; they show the
   * new content or what is there.
   */
  drop(shows: 'new' | 'old', reached: Content): void {
    this.pending = []
    this.durable = reached
    this.hasDropped = shows === 'new'
    if (shows === 'old') this.visible = reached.copy()
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

  /** `last`: the newest change when it began; those that came after it stay pending. */
  sync(last: EntryChange | undefined): void {
    const count = last === undefined ? 0 : this.pending.lastIndexOf(last) + 1
    for (const { entries } of this.pending.splice(0, count)) applyEntries(this.durable, entries)
  }
}

export function applyEntries(directory: Map<string, DiskNode>, entries: readonly Entry[]): void {
  for (const [name, node] of entries) {
    if (node === undefined) directory.delete(name)
    else directory.set(name, node)
  }
}
