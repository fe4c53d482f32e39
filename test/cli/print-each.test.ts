// Rows of a file, shown as they are read: none is kept.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Row } from '../../bindings/entry/cli/output.ts'
import { printEach } from '../../bindings/entry/cli/print-each.ts'

const { signal } = new AbortController()
const none = 'no entries'

/** What is written to standard output meanwhile; `written` is told of each piece. */
async function outputOf(work: () => Promise<void>, written: (text: string) => void = () => {}): Promise<string> {
  const { write } = process.stdout
  let out = ''
  process.stdout.write = ((text: string, done?: () => void) => {
    out += text
    written(text)
    done?.()
    return true
  }) as never
  try {
    await work()
  } finally {
    process.stdout.write = write
  }
  return out
}

test('rows are written while others are still to be read, and a signal ends both', async () => {
  for (const isJson of [true, false]) {
    const stop = new AbortController()
    let made = 0
    function* endless(): Generator<Row> {
      for (;;) yield { offset: made++, value: 'x'.repeat(100) }
    }
    const pieces: string[] = []
    const print = () => printEach(endless(), { isJson, signal: stop.signal, none })
    await outputOf(print, (text) => pieces.push(text) === 3 && stop.abort())
    assert.is(pieces.length, 3)
    assert.ok(made < 3000, `${made} rows were read`)
  }
})

test('columns are as wide as in the first rows; a cell that is wider moves the end of its row', async () => {
  const rows = Array.from({ length: 1002 }, (_, at) => ({ at, value: at === 1001 ? 'wider' : 'x' }))
  const lines = (await outputOf(() => printEach(rows, { isJson: false, signal, none }))).split('\n')
  assert.equal(lines.slice(0, 4), ['┌─────┬───────┐', '│  at │ value │', '├─────┼───────┤', '│   0 │ x     │'])
  assert.equal(lines.slice(-4), ['│ 1000 │ x     │', '│ 1001 │ wider │', '└─────┴───────┘', ''])
})

test('a row with another field has a table of its own', async () => {
  const rows = [...Array.from({ length: 1000 }, (_, at) => ({ at })), { at: 7, fault: 'torn' }]
  const lines = (await outputOf(() => printEach(rows, { isJson: false, signal, none }))).split('\n')
  assert.equal(lines.slice(1003), [
    '└─────┘',
    '┌────┬───────┐',
    '│ at │ fault │',
    '├────┼───────┤',
    '│  7 │ torn  │',
    '└────┴───────┘',
    '',
  ])
})

test('no rows are said so to people, and nothing to programs', async () => {
  assert.is(await outputOf(() => printEach([], { isJson: false, signal, none })), 'no entries\n')
  assert.is(await outputOf(() => printEach([], { isJson: true, signal, none })), '')
})

test.run()
