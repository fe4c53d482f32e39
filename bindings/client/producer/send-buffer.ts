import type { PartOwner, SendOfParts, SendPart } from './send-part.ts'

/** The sends that are unanswered, and their bytes (Kafka's buffer.memory). A send for which there is no room waits. */
export class SendBuffer implements PartOwner {
  readonly #bufferBytes: number
  readonly #unsettled: SendPart[] = []
  #usedBytes = 0
  #freed: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined

  constructor(bufferBytes: number) {
    this.#bufferBytes = bufferBytes
  }

  /**
   * Whether a send has room. One that is larger than the whole buffer has it when the buffer is empty: else it could
   * never be sent.
   */
  hasRoom(sizeBytes: number): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + sizeBytes <= this.#bufferBytes
  }

  began(part: SendPart): SendPart {
    this.#usedBytes += part.sizeBytes
    part.unsettledAt = this.#unsettled.push(part) - 1
    return part
  }

  /** Removes a part. Hot path: the list's last part takes its position. A set would cost three times as much. */
  settled(part: SendPart): void {
    const last = this.#unsettled.pop()
    if (last !== undefined && last !== part) {
      this.#unsettled[part.unsettledAt] = last
      last.unsettledAt = part.unsettledAt
    }
    this.#usedBytes -= part.sizeBytes
    this.#freed?.resolve()
    this.#freed = undefined
  }

  get unsettledSends(): ReadonlySet<SendOfParts> {
    return new Set(this.#unsettled.map(({ send }) => send))
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
