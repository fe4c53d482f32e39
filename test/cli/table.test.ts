// Tables of the command line, over cli-table3.
import Table from 'cli-table3'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tableOf } from '../../bindings/entry/cli/table.ts'

const row = (at: number): string[] => [`${at}`, at % 100 === 7 ? `größer 🎉 ${at}` : '|', '']

test('many rows stand in one table: each column is as wide as its widest cell', () => {
  const cells = Array.from({ length: 300 }, (_, at) => row(at))
  const lines = tableOf(['offset', 'value', 'none'], ['right', 'left', 'left'], cells).split('\n')
  const whole = new Table({
    head: ['offset', 'value', 'none'],
    colAligns: ['right', 'left', 'left'],
    style: { head: [], border: [] },
  })
  whole.push(...cells)
  // Without the rules between its rows, of which the one below the names stays.
  const expected = whole
    .toString()
    .split('\n')
    .filter((line, at) => at < 3 || !line.startsWith('├'))
  assert.equal(lines, expected)
})

test('a list may be as long as a segment: its cells are no arguments of one call, nor looked through for each other', () => {
  const lines = tableOf(
    ['offset', 'value', 'none'],
    ['right', 'left', 'left'],
    Array.from({ length: 150_000 }, (_, at) => row(at)),
  )
  assert.is(lines.split('\n').length, 150_004)
})

test.run()
