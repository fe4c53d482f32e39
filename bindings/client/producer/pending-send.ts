import { LogError } from '../../model/errors.ts'
import type { RecordMetadata } from '../producer-record.ts'
import type { SendOfParts, SendPart } from './send-part.ts'

interface Failure {
  readonly part: SendPart
  readonly error: unknown
}

/** The form of the answer to a call of `send`. */
export interface AnswerForm {
  /** Whether `send` was called with one record, not with a list. */
  readonly isOne: boolean
  /**
   * Whether the send fails as a whole, with the error of its first refused record. So it does in a transaction, where
   * it makes no difference that a part was written, and where all of it is sent again.
   */
  readonly isWhole: boolean
}

/**
 * One call of `send`: it resolves with all metadata in the order of the call, or rejects with one error that says what
 * was written. Hot path: one promise for each call.
 */
export class PendingSend implements SendOfParts {
  readonly answered: Promise<unknown>
  readonly #form: AnswerForm
  readonly #metadata: RecordMetadata[]
  #resolve!: (answer: unknown) => void
  #reject!: (error: unknown) => void
  #openParts = 0
  #failures: Failure[] | undefined

  constructor(count: number, form: AnswerForm) {
    this.#form = form
    this.#metadata = new Array<RecordMetadata>(count)
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  nothingToWrite(): void {
    this.#resolve(this.#metadata)
  }

  /** Fails before any of it has begun. */
  refused(error: unknown): void {
    this.#reject(error)
  }

  partBegan(): void {
    this.#openParts++
  }

  written(index: number, metadata: RecordMetadata): void {
    this.#metadata[index] = metadata
  }

  partEnded(): void {
    this.#openParts--
    if (this.#openParts > 0) return
    if (this.#failures !== undefined) this.#reject(this.#failure(this.#failures))
    else this.#resolve(this.#form.isOne ? this.#metadata[0] : this.#metadata)
  }

  partFailed(part: SendPart, error: unknown): void {
    this.#failures ??= []
    this.#failures.push({ part, error })
    this.partEnded()
  }

  #failure(failures: readonly Failure[]): unknown {
    const unwritten = failures.reduce((sum, { part }) => sum + part.count, 0)
    if (!this.#form.isWhole && unwritten < this.#metadata.length) return this.#partial(failures, unwritten)
    return failures.reduce((first, each) => (each.part.indexOf(0) < first.part.indexOf(0) ? each : first)).error
  }

  #partial(failures: readonly Failure[], unwritten: number): LogError {
    const results = Array.from(this.#metadata, (metadata) => metadata && { metadata }) as unknown[]
    for (const { part, error } of failures) {
      for (let at = 0; at < part.count; at++) results[part.indexOf(at)] = { error }
    }
    const written = results.length - unwritten
    const message = `${written} of ${results.length} records were written; details.results says which`
    return new LogError('PARTIAL_SEND', message, { results, written })
  }
}
