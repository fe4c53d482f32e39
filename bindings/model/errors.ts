import { ERRORS, type ErrorCategory, type ErrorCode, type ErrorRow } from './error-table.ts'

/** Shared by every copy of the package that a program may load, so that `LogError.is` works across them. */
const BRAND: unique symbol = Symbol.for('oncelog.LogError') as never

/**
 * Place and cause, by name: topic, partition, offset, file, position and the like; docs/errors.md says which. Frozen.
 */
export type ErrorDetails = Readonly<Record<string, unknown>>

/**
 * The one error class. `code` is Kafka's name where Kafka has one (`kafkaCode` is its number), `category` says what a
 * program can do, `details` names the place (topic, partition, offset, file, position), `hint` the next step. Messages
 * and details never hold a key, a value, a header or a secret.
 */
export class LogError<C extends string = string> extends Error {
  /** Always `'LogError'`. */
  override readonly name = 'LogError'
  /** Kafka's name of the error where Kafka has it, else the log's own. */
  readonly code: C
  /** What a program can do about it. */
  readonly category: ErrorCategory
  /** Kafka's number of the error; `undefined` where Kafka has no such error. */
  readonly kafkaCode: number | undefined
  /** What to do next, in a sentence. */
  readonly hint: string
  /** Where it happened and by what, by name. */
  readonly details: ErrorDetails

  /** For storage drivers and codecs. Category, number and hint come with the code. */
  constructor(code: C & ErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    const [category, kafkaCode, hint]: ErrorRow = ERRORS[code]
    this.code = code
    this.category = category
    this.kafkaCode = kafkaCode
    this.hint = hint
    this.details = Object.freeze({ ...details })
    Object.defineProperty(this, BRAND, { value: true })
  }

  /** With the message, which JSON leaves out of other errors. */
  toJSON(): object {
    const { message, ...fields } = this
    return { message, ...fields }
  }

  /** Whether `error` is a LogError, of this or another copy of the package, with one of `codes` if any are given. */
  // `& {}` leaves ErrorCode in the union, so that editors offer the codes; another copy may have more.
  static is<C extends ErrorCode | (string & {})>(error: unknown, ...codes: readonly C[]): error is LogError<C> {
    try {
      if (typeof error !== 'object' || error === null || !(BRAND in error)) return false
      return codes.length === 0 || codes.includes((error as unknown as LogError<C>).code)
    } catch {
      // A program may throw anything, even a proxy that was revoked: it throws when it is looked at.
      return false
    }
  }
}

/**
 * The error for what the copying of a record's bytes threw; a getter of the program may throw anything, even
 * `undefined`. `batchIndex`: the record's place in its batch, if it is known.
 */
export function changedBytes(cause: unknown, batchIndex?: number): unknown {
  if (LogError.is(cause)) return cause
  const what =
    cause instanceof TypeError || cause instanceof RangeError
      ? 'or its buffer changed before it was written: leave both as they are until the send settles'
      : 'threw while it was read to be written: give it as plain data'
  if (batchIndex === undefined) return new LogError('INVALID_RECORD', `a record ${what}`, {}, cause)
  const details = { recordErrors: [{ batchIndex }] }
  return new LogError('INVALID_RECORD', `record ${batchIndex} of its batch ${what}`, details, cause)
}

/** The error that ends a log whose storage didn't do what it promises, with what it did instead, and where. */
export function storageFailed(cause: unknown): LogError {
  const why = LogError.is(cause) ? (cause as LogError) : undefined
  const message = `${why?.message ?? 'the log failed'}: nothing more is acknowledged`
  return new LogError('KAFKA_STORAGE_ERROR', message, why?.details, cause)
}
