/**
 * No room at every write and every file to be made, one after the other, while a program lives and closes twice: each
 * call that is refused says why, the log is afterwards what docs/errors.md says, and nothing acknowledged is lost or
 * there twice.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FullDiskStory, type Shortage } from './full-disk.ts'

for (const kind of ['write', 'create'] as const) {
  for (const [until, step] of [
    ['once', 1],
    ['refusal', 3],
    ['close', 3],
  ] as const) {
    test(`no room for a ${kind}, ${until}`, async () => {
      const wrong: string[] = []
      const rows = new Map<string, number>()
      let struck = 0
      for (let at = 1; ; at += step) {
        const story = new FullDiskStory({ kind, at, until } satisfies Shortage)
        await story.run()
        const { violations, refusals } = story.ledger
        for (const [row, count] of refusals) rows.set(row, (rows.get(row) ?? 0) + count)
        for (const violation of violations) wrong.push(`at ${at}: ${violation}`)
        if (!story.hasStruck) break
        struck++
      }
      console.log(`  no room at each of ${struck} (${kind}, ${until})`)
      for (const [row, count] of [...rows].sort()) console.log(`${String(count).padStart(6)}  ${row}`)
      assert.equal(wrong.slice(0, 20), [])
      assert.ok(struck > 10, `${struck} struck`)
    })
  }
}

test.run()
