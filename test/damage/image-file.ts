const PAGE_BYTES = 4096
const ZEROS = new Uint8Array(PAGE_BYTES)

/**
 * A file's content that forks at no cost: pages are shared until one of the copies writes to them; a missing page is
 * zeros.
 */
export class ImageFile {
  #pages: (Uint8Array | undefined)[]
  /** Pages that this copy made itself. */
  readonly #own = new Set<number>()
  #isArrayShared: boolean
  sizeBytes: number

  constructor(pages?: (Uint8Array | undefined)[], sizeBytes = 0) {
    this.#pages = pages ?? []
    this.#isArrayShared = pages !== undefined
    this.sizeBytes = sizeBytes
  }

  fork(): ImageFile {
    this.#own.clear()
    this.#isArrayShared = true
    return new ImageFile(this.#pages, this.sizeBytes)
  }

  read(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.length, this.sizeBytes - position))
    for (let done = 0; done < count; ) {
      const within = (position + done) % PAGE_BYTES
      const length = Math.min(count - done, PAGE_BYTES - within)
      const page = this.#pages[Math.floor((position + done) / PAGE_BYTES)]
      if (page === undefined) into.fill(0, done, done + length)
      else into.set(length === PAGE_BYTES ? page : page.subarray(within, within + length), done)
      done += length
    }
    return count
  }

  write(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length; ) {
      const within = (position + done) % PAGE_BYTES
      const length = Math.min(bytes.length - done, PAGE_BYTES - within)
      const index = Math.floor((position + done) / PAGE_BYTES)
      const part = bytes.subarray(done, done + length)
      // Most of what a journal is made of.
      if (this.#pages[index] !== undefined || !isZeros(part)) this.#ownPage(index).set(part, within)
      done += length
    }
    this.sizeBytes = Math.max(this.sizeBytes, position + bytes.length)
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes < this.sizeBytes) {
      this.#ownArray()
      this.#pages.length = Math.min(this.#pages.length, Math.ceil(sizeBytes / PAGE_BYTES))
      if (sizeBytes % PAGE_BYTES > 0) this.#ownPage(Math.floor(sizeBytes / PAGE_BYTES)).fill(0, sizeBytes % PAGE_BYTES)
    }
    this.sizeBytes = sizeBytes
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.sizeBytes)
    this.read(bytes, 0)
    return bytes
  }

  #ownArray(): void {
    if (this.#isArrayShared) this.#pages = this.#pages.slice()
    this.#isArrayShared = false
  }

  #ownPage(index: number): Uint8Array {
    this.#ownArray()
    const page = this.#pages[index]
    if (page !== undefined && this.#own.has(index)) return page
    const copy = page?.slice() ?? new Uint8Array(PAGE_BYTES)
    while (this.#pages.length < index) this.#pages.push(undefined)
    this.#pages[index] = copy
    this.#own.add(index)
    return copy
  }
}

function isZeros(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && Buffer.compare(bytes, ZEROS.subarray(0, bytes.length)) === 0
}
