// Work that nobody waits for: one step at a time, with a pause after each, round after round.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Callback } from '../../bindings/engine/commands.ts'
import { Upkeep, type UpkeepJob } from '../../bindings/engine/upkeep.ts'
import type { Task } from '../../bindings/storage/effect.ts'

class Job implements UpkeepJob {
  readonly intervalMs: number
  readonly name: string
  readonly seen: string[]
  left = 0

  constructor(name: string, intervalMs: number, seen: string[]) {
    this.name = name
    this.intervalMs = intervalMs
    this.seen = seen
  }

  begin(now: number): void {
    this.seen.push(`${this.name} begins at ${now}`)
    this.left = 2
  }

  next(): Task<void> | undefined {
    if (this.left-- === 0) return undefined
    this.seen.push(`${this.name} steps`)
    return (function* (): Task<void> {})()
  }
}

function upkeep(...intervalsMs: number[]) {
  const seen: string[] = []
  const ends: Callback<void>[] = []
  const clock = { now: 0 }
  const jobs = intervalsMs.map((intervalMs, index) => new Job('ab'[index] ?? '', intervalMs, seen))
  const kept = new Upkeep(jobs, { now: () => clock.now, run: (_, done) => void ends.push(done) })
  const tick = (now: number) => {
    clock.now = now
    kept.tick(now)
    return seen.splice(0)
  }
  return { kept, jobs, ends, tick }
}

test('a round begins after its interval, and its next step only after the one before and a pause', () => {
  const { kept, ends, tick } = upkeep(100)
  assert.is(kept.nextAt, undefined, 'nothing before the open')
  kept.opened(0)
  assert.equal([kept.nextAt, tick(99)], [100, []])
  assert.equal(tick(100), ['a begins at 100', 'a steps'])
  assert.equal([kept.nextAt, tick(150)], [undefined, []], 'the step is under way')
  ends.shift()?.(undefined)
  assert.ok((kept.nextAt ?? 0) > 150, 'a pause')
  assert.equal(tick(150), [])
  assert.equal(tick(160), ['a steps'])
  ends.shift()?.(undefined)
  assert.equal(tick(170), [])
  assert.is(kept.nextAt, 200)
})

test('one job at a time, each with its own interval; one that is wanted soon comes first', () => {
  const { kept, jobs, ends, tick } = upkeep(100, 30)
  kept.opened(0)
  assert.equal(tick(30), ['b begins at 30', 'b steps'])
  kept.soon(jobs[0] as Job)
  ends.shift()?.(undefined)
  assert.equal(tick(40), ['b steps'], 'the round under way ends first')
  ends.shift()?.(undefined)
  assert.equal(tick(50), ['a begins at 50', 'a steps'])
})

test('after a stop nothing begins; a clock that is set moves what is due', () => {
  const { kept, tick } = upkeep(100)
  kept.opened(0)
  kept.clockMoved(1000)
  assert.equal([kept.nextAt, tick(1099)], [1100, []])
  kept.stop()
  assert.equal([kept.nextAt, tick(5000)], [undefined, []])
})

test.run()
