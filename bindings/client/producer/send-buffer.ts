/** Counts the bytes that are sent and unanswered; who wants more than there is room for waits. */
export class SendBuffer {
  readonly #bufferBytes: number
  #usedBytes = 0
  #freed: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined

  constructor(bufferBytes: number) {
    this.#bufferBytes = bufferBytes
  }

  /** More than the whole buffer is taken when it is empty: else it could never be sent. */
  hasRoom(sizeBytes: number): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + sizeBytes <= this.#bufferBytes
  }

  take(sizeBytes: number): void {
    this.#usedBytes += sizeBytes
  }

  free(sizeBytes: number): void {
    this.#usedBytes -= sizeBytes
    this.#freed?.resolve()
    this.#freed = undefined
  }

  /** Resolves when something was freed. */
  freed(): Promise<void> {
    if (this.#freed === undefined) {
      let resolve = () => {}
      const promise = new Promise<void>((done) => {
        resolve = done
      })
      this.#freed = { promise, resolve }
    }
    return this.#freed.promise
  }
}
