/** Counts the bytes that are sent and unanswered. A send for which there is no room waits. */
export class SendBuffer {
  readonly #bufferBytes: number
  #usedBytes = 0
  #freed: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined

  constructor(bufferBytes: number) {
    this.#bufferBytes = bufferBytes
  }

  /** A send that is larger than the whole buffer is taken when that is empty: else it could never be sent. */
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
