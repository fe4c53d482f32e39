// A disk that fails under the real engine: errors, short and lying writes, flushes that fail and leave pages clean, no
// room. Every error is typed, every send answered, nothing acknowledged is lost, and the log is afterwards what
// docs/errors.md says. Every fourth operation of six lives and of the openings after them; `all` as argument: every
// operation; test/simulation/torture.ts tries others of all lives each round.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SCENARIOS } from '../../bindings/testkit/simulation/crash/scenarios.ts'
import { describeDiskError, tryDiskErrors, tryEachFlush } from './disk-errors.ts'

const seed = 7
const step = process.argv[2] === 'all' ? 1 : 4
const NAMES: readonly string[] = [
  'both acks in flight together',
  'two extents in one segment',
  'acks 1 only, over several segments',
  'topic created, deleted and made anew',
  'committed offsets',
  'clean close and reopen',
]

const total = { runs: 0, struck: 0 }

for (const name of NAMES) {
  test(`a failing disk: ${name}`, () => {
    const scenario = SCENARIOS.find((each) => each.name === name)
    assert.ok(scenario)
    const { runs, struck, failures } = tryDiskErrors(scenario, seed, step)
    total.runs += runs
    total.struck += struck
    assert.equal(failures.map(describeDiskError), [])
    assert.ok(struck > 250 / step, `${struck} faults struck`)
  })
}

const EACH_FLUSH: readonly (readonly [scenario: string, why: string])[] = [
  [
    'ring grows',
    'a commit flushes segments for its extents beside a checkpoint that flushes them too: one of them is told',
  ],
  ['process death, then a retry at acks all', 'an open reads what the device dropped'],
]
for (const [name, why] of EACH_FLUSH) {
  for (const effect of ['drops-shows-new', 'drops-shows-old'] as const) {
    test(`each flush of '${name}' fails once, ${effect}: ${why}`, () => {
      const scenario = SCENARIOS.find((each) => each.name === name)
      assert.ok(scenario)
      const { runs, struck, failures } = tryEachFlush(scenario, 4, effect)
      total.runs += runs
      total.struck += struck
      assert.equal(failures.map(describeDiskError), [])
      assert.ok(struck > 8, `${struck} faults struck`)
    })
  }
}

test('how many', () => {
  console.log(`${total.runs} runs on a failing disk, ${total.struck} faults struck`)
})

test.run()
