/**
 * SIGKILL a hundred times, at steps of the log's work that the process was told and at any moment, alone on its
 * directory and attached to others: whatever was acknowledged is there, once, in order, transactions whole, copies and
 * offsets together. `npm run torture` goes on for as long as one likes.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { attached, kills } from './kills/part.ts'
import type { Part } from './part.ts'
import { table, verdictOf } from './table.ts'

/** Of both, within what a heavy file has. */
const endMs = performance.now() + 840_000

async function passes(part: Part, cyclesMax: number): Promise<void> {
  const begunMs = performance.now()
  const limits = { endMs, cyclesMax, seed: 1, progress: () => {} }
  const outcome = await part.run(limits)
  const result = { part, outcome, seconds: (performance.now() - begunMs) / 1000 }
  console.log(table([result]))
  console.log(`COUNTED: ${outcome.rows[0]?.count} ${outcome.rows[0]?.what ?? ''}`)
  assert.equal(outcome.failures, [])
  assert.is(verdictOf(result), 'ok')
  assert.ok((outcome.rows[0]?.count ?? 0) >= cyclesMax, `${outcome.rows[0]?.count} of ${cyclesMax}`)
}

test('one process after the other on a directory', () => passes(kills, 70))

test('several processes on a directory', () => passes(attached, 30))

test.run()
