import { jsonLine, type Layout, layoutOf, type Row } from './output.ts'
import { OutputLines } from './output-lines.ts'

/** So many rows tell how wide the columns are. */
const SAMPLE_ROWS = 1000

/**
 * As `print`, row after row: a file may have more of them than the memory holds. Ends early when the signal aborts, as
 * it does when the reader of the output has closed it.
 */
export async function printEach(
  rows: Iterable<Row>,
  { isJson, signal, none }: { readonly isJson: boolean; readonly signal: AbortSignal; readonly none: string },
): Promise<void> {
  const lines = new OutputLines()
  for (const line of isJson ? jsonOf(rows) : tablesOf(rows, none)) {
    const written = lines.write(line)
    if (written === undefined) continue
    await written
    // Else no signal would ever be heard: a file and a pipe take everything at once.
    await new Promise((resume) => setImmediate(resume))
    if (signal.aborted || lines.isBroken) break
  }
  await lines.flush()
}

function* jsonOf(rows: Iterable<Row>): Generator<string> {
  for (const row of rows) yield jsonLine(row)
}

/** A row with a field that the table has no column for begins another table. */
function* tablesOf(rows: Iterable<Row>, none: string): Generator<string> {
  let sample: Row[] = []
  let table: Layout | undefined
  let isEmpty = true
  for (const row of rows) {
    isEmpty = false
    if (table !== undefined && Object.keys(row).some((field) => table?.fields.has(field) !== true)) {
      yield* table.foot
      table = undefined
    }
    if (table !== undefined) {
      yield table.gap + table.line(row)
      continue
    }
    sample.push(row)
    if (sample.length < SAMPLE_ROWS) continue
    table = layoutOf(sample)
    yield* begun(table, sample)
    sample = []
  }
  if (isEmpty) yield none
  if (table === undefined && sample.length > 0) {
    table = layoutOf(sample)
    yield* begun(table, sample)
  }
  if (table !== undefined) yield* table.foot
}

function* begun({ head, line, gap }: Layout, sample: readonly Row[]): Generator<string> {
  yield* head
  for (const [at, row] of sample.entries()) yield at === 0 ? line(row) : gap + line(row)
}
