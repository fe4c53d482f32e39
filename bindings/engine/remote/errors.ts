import { ERRORS, type ErrorCode } from '../../model/error-table.ts'
import { type ErrorDetails, LogError } from '../../model/errors.ts'
import type { MessageReader } from './message-reader.ts'
import type { MessageWriter } from './message-writer.ts'
import { fields } from './shapes.ts'
import { readShaped, writeValue } from './values.ts'

const DETAILS = fields({})

/** An error in a message: code, text and details. Its stack and its cause stay in the holder. */
export function writeError(writer: MessageWriter, error: unknown): void {
  const isLogError = LogError.is(error)
  writer.text(isLogError ? error.code : 'UNKNOWN_SERVER_ERROR')
  writer.text(error instanceof Error ? error.message : String(error))
  writeValue(writer, isLogError ? error.details : {})
}

export function readError(reader: MessageReader): LogError {
  const code = reader.text()
  const message = reader.text()
  const details = readShaped<ErrorDetails>(reader, DETAILS)
  return new LogError(Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'UNKNOWN_SERVER_ERROR', message, details)
}
