import { Digest, digestOfBytes, type Words } from './digest.ts'

const PAGE_BYTES = 4096

/** A page of a file, aligned to its size. If other contents share it, it is copied before a write. */
interface Page {
  readonly bytes: Uint8Array
  /** That of the one content that may write to it in place. */
  readonly owner: object | undefined
  /** Of the present bytes, once somebody asked. */
  digest: Words | undefined
}

const ZEROS = new Uint8Array(PAGE_BYTES)
const ZEROS_DIGEST = digestOfBytes(ZEROS)

/**
 * Bytes and size of a file; a page that is missing is zeros. Pages and their digests are shared with copies until one
 * side writes: so a copy costs nothing, and the digest of a changed copy only what has changed.
 */
export class Content {
  #pages: (Page | undefined)[] = []
  /** Who may write to pages; a new object after each copy. */
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
    for (let index = 0; index * PAGE_BYTES < this.#sizeBytes; index++) {
      const page = this.#pages[index]
      if (page !== undefined) page.digest ??= digestOfBytes(page.bytes)
      digest.words(page?.digest ?? ZEROS_DIGEST)
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
    this.#sizeBytes = Math.max(this.#sizeBytes, position + bytes.length)
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
    const isCut = sizeBytes < this.#sizeBytes
    this.#sizeBytes = sizeBytes
    if (!isCut) return
    const at = sizeBytes % PAGE_BYTES
    this.#pages.length = Math.min(this.#pages.length, Math.ceil(sizeBytes / PAGE_BYTES))
    if (at > 0) this.#writePage(Math.floor(sizeBytes / PAGE_BYTES), ZEROS.subarray(at), at)
  }

  #change(): void {
    this.#digest = undefined
    if (!this.#isShared) return
    this.#pages = this.#pages.slice()
    this.#owner = {}
    this.#isShared = false
  }

  #bytesAt(position: number): Uint8Array {
    return this.#pages[Math.floor(position / PAGE_BYTES)]?.bytes ?? ZEROS
  }

  #writePage(index: number, bytes: Uint8Array, at: number): void {
    const page = this.#pages[index]
    if (page === undefined && isZeros(bytes)) return
    if (page?.owner === this.#owner) {
      page.bytes.set(bytes, at)
      page.digest = undefined
      return
    }
    const owned = newPage()
    if (bytes.length < PAGE_BYTES) owned.set(page?.bytes ?? ZEROS)
    owned.set(bytes, at)
    while (this.#pages.length < index) this.#pages.push(undefined)
    this.#pages[index] = { bytes: owned, owner: this.#owner, digest: undefined }
  }
}

/** Pages are cut from blocks: memory of its own for each costs more than what is copied there. */
const BLOCK_PAGES = 16
let block = Buffer.alloc(0)
let blockUsedBytes = 0

/** Its bytes aren't set to zero. */
function newPage(): Uint8Array {
  if (blockUsedBytes === block.length) {
    block = Buffer.allocUnsafeSlow(BLOCK_PAGES * PAGE_BYTES)
    blockUsedBytes = 0
  }
  blockUsedBytes += PAGE_BYTES
  return new Uint8Array(block.buffer, block.byteOffset + blockUsedBytes - PAGE_BYTES, PAGE_BYTES)
}

function isZeros(bytes: Uint8Array): boolean {
  // The first byte decides for most.
  return bytes[0] === 0 && Buffer.compare(bytes, ZEROS.subarray(0, bytes.length)) === 0
}
