import type { MessageReader } from './message-reader.ts'
import type { MessageWriter } from './message-writer.ts'
import { writeValue } from './values.ts'

/** What a call of an attached process is answered. */
export interface CallResult {
  /** Behind the head of the answer. */
  write(writer: MessageWriter): void
  /** The answer's bytes are free to be written over: it has gone, or can't be written. */
  readonly sent?: (() => void) | undefined
}

export type ServedCall = (session: number, reader: MessageReader) => Promise<CallResult>
export type CallTable = Readonly<Record<string, ServedCall>>

export function value(result: unknown): CallResult {
  return { write: (writer) => writeValue(writer, result) }
}
