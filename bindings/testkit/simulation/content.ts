import { Digest, digestOfBytes, type Words } from './digest.ts'

const PAGE_BYTES = 4096

/** Bytes of a file from a multiple of their count on; what others share is copied before a write. */
interface Page {
  readonly bytes: Uint8Array
  /** Of the one content that may write to it. */
  readonly owner: object | undefined
  /** Of the present bytes, once somebody asked. */
  digest: Words | undefined
}

const ZERO_PAGE: Page = { bytes: new Uint8Array(PAGE_BYTES), owner: undefined, digest: undefined }

/**
 * Bytes and size of a file, in as many pages as the size needs. Pages are shared with copies until one side writes, and so
 * are their digests: a copy costs nothing, and the digest of a changed one what has changed.
 */
export class Content {
  #pages: Page[] = []
  /** Who may write to pages; another one behind each copy. */
  #owner: object = {}
  /** The list of pages is a copy's, too. */
  #isShared = false
  #digest: Words | undefined
  #sizeBytes = 0

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  copy(): Content {
    const copy = new Content()
    copy.#pages = this.#pages
    copy.#digest = this.#digest
    copy.#sizeBytes = this.#sizeBytes
    copy.#isShared = true
    this.#isShared = true
    return copy
  }

  /** Two numbers that differ wherever content or size do. */
  digest(): Words {
    if (this.#digest !== undefined) return this.#digest
    const digest = new Digest()
    digest.add(this.#sizeBytes)
    for (const page of this.#pages) {
      page.digest ??= digestOfBytes(page.bytes)
      digest.words(page.digest)
    }
    this.#digest = digest.value
    return this.#digest
  }

  read(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.length, this.#sizeBytes - position))
    for (let done = 0; done < count; ) {
      const at = (position + done) % PAGE_BYTES
      const part = Math.min(count - done, PAGE_BYTES - at)
      into.set(this.#bytesAt(position + done).subarray(at, at + part), done)
      done += part
    }
    return count
  }

  isSame(other: Content, position: number, lengthBytes: number): boolean {
    const mine = new Uint8Array(lengthBytes)
    const theirs = new Uint8Array(lengthBytes)
    if (this.read(mine, position) !== other.read(theirs, position)) return false
    return mine.every((byte, index) => byte === theirs[index])
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return
    this.#change()
    this.#extend(position + bytes.length)
    for (let done = 0; done < bytes.length; ) {
      const at = (position + done) % PAGE_BYTES
      const part = bytes.subarray(done, done + PAGE_BYTES - at)
      this.#writePage(Math.floor((position + done) / PAGE_BYTES), part, at)
      done += part.length
    }
  }

  /** What lies beyond the size is zeros at all times: an extension shows nothing old. */
  truncate(sizeBytes: number): void {
    this.#change()
    this.#extend(sizeBytes)
    if (sizeBytes === this.#sizeBytes) return
    const at = sizeBytes % PAGE_BYTES
    this.#pages.length = Math.ceil(sizeBytes / PAGE_BYTES)
    if (at > 0) this.#writePage(this.#pages.length - 1, ZERO_PAGE.bytes.subarray(at), at)
    this.#sizeBytes = sizeBytes
  }

  #change(): void {
    this.#digest = undefined
    if (!this.#isShared) return
    this.#pages = this.#pages.slice()
    this.#owner = {}
    this.#isShared = false
  }

  #extend(sizeBytes: number): void {
    for (let count = this.#pages.length; count * PAGE_BYTES < sizeBytes; count++) this.#pages.push(ZERO_PAGE)
    this.#sizeBytes = Math.max(this.#sizeBytes, sizeBytes)
  }

  #bytesAt(position: number): Uint8Array {
    return (this.#pages[Math.floor(position / PAGE_BYTES)] as Page).bytes
  }

  #writePage(index: number, bytes: Uint8Array, at: number): void {
    const page = this.#pages[index] as Page
    if (page === ZERO_PAGE && isZeros(bytes)) return
    if (page.owner === this.#owner) {
      page.bytes.set(bytes, at)
      page.digest = undefined
    } else {
      const owned = bytes.length === PAGE_BYTES ? bytes.slice() : page.bytes.slice()
      if (bytes.length < PAGE_BYTES) owned.set(bytes, at)
      this.#pages[index] = { bytes: owned, owner: this.#owner, digest: undefined }
    }
  }
}

function isZeros(bytes: Uint8Array): boolean {
  // Most are not, and their first bytes say so.
  return bytes[0] === 0 && Buffer.compare(bytes, ZERO_PAGE.bytes.subarray(0, bytes.length)) === 0
}

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

  /** Room on the disk and nothing else: no byte of it is ever read, so it has none that a crash could leave. */
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
