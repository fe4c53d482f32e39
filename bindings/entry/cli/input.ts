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
    if (how.format === 'csv') yield* csv(bytes, how.keyField)
    else yield* how.format === 'ndjson' ? ndjson(bytes, how.keyField) : lines(bytes, how.keySeparator)
  } catch (error) {
    throw named(error)
  }
}

/** Errors of zlib and the CSV parser by their codes alone: their messages may quote content. */
function named(error: unknown): unknown {
  if (error instanceof CsvError) {
    const { code: fault, lines: line } = error as { readonly code: string; readonly lines?: unknown }
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

/** The bytes of each line without its end; bytes that aren't UTF-8 stay unchanged. */
async function* split(bytes: Readable): AsyncGenerator<Uint8Array[]> {
  let rest: Uint8Array[] = []
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    const found: Uint8Array[] = []
    let from = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      found.push(withoutReturn(Buffer.concat([...rest, chunk.subarray(from, end)])))
      rest = []
      from = end + 1
    }
    if (from < chunk.length) rest.push(Uint8Array.from(chunk.subarray(from)))
    if (found.length > 0) yield found
  }
  if (rest.length > 0) yield [withoutReturn(Buffer.concat(rest))]
}

function withoutReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line
}

async function* lines(bytes: Readable, separator: string | undefined): AsyncGenerator<Line[]> {
  for await (const found of split(bytes)) {
    yield found.map((line) => {
      const at =
        separator === undefined ? -1 : Buffer.from(line.buffer, line.byteOffset, line.length).indexOf(separator)
      if (separator === undefined || at < 0) return { key: null, value: line }
      return { key: line.subarray(0, at), value: line.subarray(at + Buffer.byteLength(separator)) }
    })
  }
}

async function* ndjson(bytes: Readable, keyField: string | undefined): AsyncGenerator<Line[]> {
  let number = 0
  for await (const found of split(bytes)) {
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
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Reported below, without the line's content.
  }
  throw new LogError('INVALID_RECORD', `line ${number} holds no JSON object`, { line: number })
}

async function* csv(bytes: Readable, keyField: string | undefined): AsyncGenerator<Line[]> {
  const rows = pipeline(bytes, parse({ columns, bom: true, skip_empty_lines: true }), () => {})
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
