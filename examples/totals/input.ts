import { createReadStream, readFileSync } from 'node:fs'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip, gunzipSync } from 'node:zlib'
import { parse } from 'csv-parse'

export type Row = Record<string, string | number | boolean | null>

/**
 * Rows of a JSON array, of NDJSON or of CSV with a header line, gzip or not, by the file's name. Empty lines and the
 * byte order mark that some programs begin a file with are passed over.
 */
export async function* readRows(path: string): AsyncGenerator<Row> {
  const isZipped = path.toLowerCase().endsWith('.gz')
  const name = (isZipped ? path.slice(0, -3) : path).toLowerCase()
  if (name.endsWith('.json')) {
    const bytes = readFileSync(path)
    // To JavaScript the mark is white space.
    yield* JSON.parse((isZipped ? gunzipSync(bytes) : bytes).toString('utf8').trim()) as Row[]
    return
  }
  const file = createReadStream(path)
  // Whoever reads the last stream of a pipeline hears of every error in it.
  const text: Readable = isZipped ? pipeline(file, createGunzip(), () => {}) : file
  if (name.endsWith('.csv')) {
    const rows = parse({ columns: true, bom: true, skip_empty_lines: true, cast: asNumber })
    for await (const row of pipeline(text, rows, () => {})) yield row as Row
    return
  }
  yield* ndjson(text)
}

/**
 * What a row is totalled under. A row without the field's value counts under the empty key, so that a key's rows stay
 * in one partition, in order; one without the field is a slip of whoever named it.
 */
export function keyOf(row: Row, field: string): string {
  const value = row[field]
  if (value === undefined) throw new Error(`a row has no field "${field}"; it has ${Object.keys(row).join(', ')}`)
  return String(value ?? '')
}

function asNumber(value: string): string | number {
  return value !== '' && /^-?\d+(\.\d+)?$/.test(value) && String(Number(value)) === value ? Number(value) : value
}

async function* ndjson(text: Readable): AsyncGenerator<Row> {
  text.setEncoding('utf8')
  let rest = ''
  for await (const chunk of text) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    yield* rowsOf(lines)
  }
  yield* rowsOf([rest])
}

function* rowsOf(lines: readonly string[]): Generator<Row> {
  for (const line of lines) {
    const json = line.trim()
    if (json !== '') yield JSON.parse(json) as Row
  }
}
