import type { RecordMetadata } from '../producer-record.ts'
import type { SendOfParts, SendPart } from './send-part.ts'

/** A call of `send` with one record. Hot path: it keeps no lists, as there is one part with one answer. */
export class LoneSend implements SendOfParts {
  readonly answered: Promise<unknown>
  #resolve!: (answer: RecordMetadata) => void
  #reject!: (error: unknown) => void

  constructor() {
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  partBegan(): void {}

  written(_index: number, metadata: RecordMetadata): void {
    this.#resolve(metadata)
  }

  partEnded(): void {}

  partFailed(_part: SendPart, error: unknown): void {
    this.#reject(error)
  }
}
