import type { MessageReader } from './message-reader.ts'
import type { MessageWriter } from './message-writer.ts'
import { writeValue } from './values.ts'

/** The answer to a call of an attached process. */
export interface CallResult {
  /** Writes the result, after the head of the answer. */
  write(writer: MessageWriter): void
  /** The memory of the answer may be written over: it was sent, or can't be written. */
  readonly sent?: (() => void) | undefined
}

export type ServedCall = (session: number, reader: MessageReader) => Promise<CallResult>
export type CallTable = Readonly<Record<string, ServedCall>>

export function value(result: unknown): CallResult {
  return { write: (writer) => writeValue(writer, result) }
}
