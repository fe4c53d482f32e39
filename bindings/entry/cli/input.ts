import { addAbortSignal, pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { CsvError, parse } from 'csv-parse'
import { LogError } from '../node.ts'

/** A record to send: its key, if the line has one, and its value unchanged. */
export interface Line {
  readonly key: string | Uint8Array | null
  readonly value: string | Uint8Array
}

export interface InputFormat {
  readonly format: 'lines' | 'ndjson' | 'csv'
  readonly keySeparator: string | undefined
  readonly keyField: string | undefined
  /** No record may have more bytes: a longer line is refused before all of it is read. */
  readonly recordBytesMax: number
}

const CSV_ROWS = 1000
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const GZIP = Buffer.of(0x1f, 0x8b)
/** UTF-8's byte order mark, with which some programs begin a file. */
const BYTE_ORDER_MARK = Buffer.of(0xef, 0xbb, 0xbf)

/**
 * Lines as they come, in a list for each piece that was read: so lines typed by hand are sent at once. gzip is
 * recognized by its first bytes.
 */
export async function* readLines(source: Readable, how: InputFormat, signal: AbortSignal): AsyncGenerator<Line[]> {
  const bytes = await unzipped(addAbortSignal(signal, source))
  try {
    if (how.format === 'csv') yield* csv(bytes, how)
    else yield* how.format === 'ndjson' ? ndjson(bytes, how) : lines(bytes, how)
  } catch (error) {
    throw named(error, how)
  }
}

/** Errors of zlib and the CSV parser by their codes alone: their messages may quote content. */
function named(error: unknown, { recordBytesMax }: InputFormat): unknown {
  if (error instanceof CsvError) {
    const { code: fault, lines: line } = error as { readonly code: string; readonly lines?: unknown }
    if (fault === 'CSV_MAX_RECORD_SIZE') return tooLong('the row at line', Number(line), recordBytesMax)
    return new LogError('INVALID_RECORD', `line ${line} is no CSV: ${fault}`, { line, fault })
  }
  const { code: fault } = error as { readonly code?: unknown }
  if (typeof fault !== 'string' || !fault.startsWith('Z_')) return error
  return new LogError('INVALID_RECORD', `the input is damaged gzip: ${fault}`, { fault })
}

async function unzipped(source: Readable): Promise<Readable> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const pieces: Buffer[] = []
  // The first piece from a pipe may be a single byte; else nothing waits for a second one.
  do {
    const next = await chunks.next()
    if (next.done === true) break
    pieces.push(next.value)
  } while (pieces.length === 1 && GZIP.subarray(0, 1).equals(pieces[0] ?? GZIP))
  async function* whole(): AsyncGenerator<Buffer> {
    yield* pieces
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value
  }
  const bytes = Readable.from(whole(), { objectMode: false })
  // Errors of every stream of the pipeline reach the reader of the last one.
  return startsWith(Buffer.concat(pieces), GZIP) ? pipeline(bytes, createGunzip(), () => {}) : bytes
}

function startsWith(bytes: Uint8Array, start: Buffer): boolean {
  return start.equals(bytes.subarray(0, start.length))
}

/** The error for a line or a row that no record can hold. `what` is followed by the line's number. */
function tooLong(what: string, line: number, bytesMax: number): LogError {
  const message = `${what} ${line} has more than ${bytesMax} bytes, the most that a record of the topic may have`
  return new LogError('MESSAGE_TOO_LARGE', message, { line, bytesMax })
}

/**
 * The bytes of each line without its end; bytes that aren't UTF-8 stay unchanged. Throws for a line above `bytesMax`.
 */
async function* split(bytes: Readable, bytesMax: number): AsyncGenerator<Uint8Array[]> {
  let rest: Uint8Array[] = []
  let restBytes = 0
  let line = 1
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    const found: Uint8Array[] = []
    let from = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      if (restBytes + end - from > bytesMax) throw tooLong('line', line, bytesMax)
      found.push(withoutReturn(Buffer.concat([...rest, chunk.subarray(from, end)])))
      rest = []
      restBytes = 0
      from = end + 1
      line++
    }
    if (from < chunk.length) rest.push(Uint8Array.from(chunk.subarray(from)))
    restBytes += chunk.length - from
    if (restBytes > bytesMax) throw tooLong('line', line, bytesMax)
    if (found.length > 0) yield found
  }
  if (rest.length > 0) yield [withoutReturn(Buffer.concat(rest))]
}

function withoutReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line
}

async function* lines(
  bytes: Readable,
  { keySeparator: separator, recordBytesMax }: InputFormat,
): AsyncGenerator<Line[]> {
  // The separator is no part of the record.
  for await (const found of split(bytes, recordBytesMax + Buffer.byteLength(separator ?? ''))) {
    yield found.map((line) => {
      const at =
        separator === undefined ? -1 : Buffer.from(line.buffer, line.byteOffset, line.length).indexOf(separator)
      if (separator === undefined || at < 0) return { key: null, value: line }
      return { key: line.subarray(0, at), value: line.subarray(at + Buffer.byteLength(separator)) }
    })
  }
}

async function* ndjson(bytes: Readable, { keyField, recordBytesMax }: InputFormat): AsyncGenerator<Line[]> {
  let number = 0
  for await (const found of split(bytes, recordBytesMax)) {
    const batch: Line[] = []
    for (const whole of found) {
      number++
      const line = number === 1 && startsWith(whole, BYTE_ORDER_MARK) ? whole.subarray(BYTE_ORDER_MARK.length) : whole
      if (line.length > 0) batch.push({ key: keyOf(objectIn(line, number), keyField, number), value: line })
    }
    yield batch
  }
}

function objectIn(line: Uint8Array, number: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Reported below, without the line's content.
  }
  throw new LogError('INVALID_RECORD', `line ${number} holds no JSON object`, { line: number })
}

async function* csv(bytes: Readable, { keyField, recordBytesMax }: InputFormat): AsyncGenerator<Line[]> {
  const options = { columns, bom: true, skip_empty_lines: true, max_record_size: recordBytesMax }
  const text = Readable.from(checkedUtf8(bytes), { objectMode: false })
  const rows = pipeline(text, parse(options), () => {})
  let batch: Line[] = []
  let number = 0
  for await (const row of rows as AsyncIterable<Record<string, string>>) {
    number++
    batch.push({ key: keyOf(row, keyField, number), value: JSON.stringify(row) })
    if (batch.length < CSV_ROWS) continue
    yield batch
    batch = []
  }
  yield batch
}

/**
 * The same bytes. Throws at the first that are no UTF-8: the parser would put U+FFFD in their place, and different
 * texts and keys would become one.
 */
async function* checkedUtf8(bytes: Readable): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let line = 1
  const check = (part: Buffer, options: { readonly stream: boolean }) => {
    try {
      decoder.decode(part, options)
    } catch {
      throw new LogError('INVALID_RECORD', `line ${line} is no UTF-8`, { line })
    }
  }
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    for (let from = 0; from < chunk.length; ) {
      const end = chunk.indexOf(LINE_FEED, from)
      const next = end < 0 ? chunk.length : end + 1
      check(chunk.subarray(from, next), { stream: true })
      if (end >= 0) line++
      from = next
    }
    yield chunk
  }
  check(Buffer.alloc(0), { stream: false })
}

/** Of two columns of one name a row could keep only the second one's field. */
function columns(header: readonly string[]): string[] {
  const field = header.find((name, index) => header.indexOf(name) < index)
  if (field === undefined) return [...header]
  throw new LogError('INVALID_RECORD', `two columns are named "${field}": one of them would be lost`, { field })
}

/** The field as text; null if it is null or empty. */
function keyOf(row: Record<string, unknown>, field: string | undefined, number: number): string | null {
  if (field === undefined) return null
  if (!Object.hasOwn(row, field)) {
    throw new LogError('INVALID_RECORD', `row ${number} has no field "${field}"`, { row: number, field })
  }
  const value = row[field]
  if (value === null || value === '') return null
  if (!isExact(value)) {
    const message = `row ${number} has a number in "${field}" that is too large to be a key: its last digits are lost unless it is text`
    throw new LogError('INVALID_RECORD', message, { row: number, field })
  }
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/**
 * Whether JSON.parse kept the number exactly. Others are rounded to the nearest double, and different keys would become
 * one.
 */
function isExact(value: unknown): boolean {
  if (typeof value === 'number') return Math.abs(value) <= Number.MAX_SAFE_INTEGER
  return typeof value !== 'object' || value === null || Object.values(value).every(isExact)
}
