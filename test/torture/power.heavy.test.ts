/**
 * The power goes fifteen times under processes that write to a mounted ext4: by its shutdown, and by a disk below it
 * that loses any of the sectors that weren't flushed. Whatever was acknowledged with acks 'all' is there. `npm run
 * torture` goes on for as long as one likes.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Part } from './part.ts'
import { powerExt4, tornExt4 } from './power/part.ts'
import { table } from './table.ts'

const TIME_LIMIT_MS = 300_000

async function passes(part: Part, cyclesMax: number): Promise<void> {
  const missing = part.missing()
  if (missing !== undefined) return console.log(`NOT RUN: ${part.name}, ${missing}`)
  const begunMs = performance.now()
  const limits = { endMs: begunMs + TIME_LIMIT_MS, cyclesMax, seed: 1, progress: () => {} }
  const outcome = await part.run(limits)
  const result = { part, outcome, seconds: (performance.now() - begunMs) / 1000 }
  console.log(table([result]))
  console.log(`COUNTED: ${outcome.rows[0]?.count} ${outcome.rows[0]?.what ?? ''}`)
  assert.equal(outcome.failures, [])
  assert.ok((outcome.rows[0]?.count ?? 0) >= cyclesMax, `${outcome.rows[0]?.count} of ${cyclesMax}`)
}

test('ext4, shut down', () => passes(powerExt4, 10))

test('ext4 on a disk that tears', () => passes(tornExt4, 5))

test.run()
