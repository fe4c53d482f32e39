// What a run of the bench says of a row whose rivals ran, ran in part, failed, or weren't asked for.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { CaseResult } from '../../bench/harness/runner.ts'
import { RATIO_TARGETS } from '../../bench/oncelog/targets.ts'
import { judge } from '../../bench/oncelog/verdicts.ts'

const ROUNDS = 3
const target = RATIO_TARGETS.find(({ title }) => title.startsWith('bulk: fastest peer'))
assert.ok(target)
const { rivals, workload, valueBytes, title } = target

function ran(peer: string, recordsPerSecond: number): CaseResult {
  const rounds = Array.from({ length: ROUNDS }, () => ({ recordsPerSecond }))
  return { peer, workload, valueBytes, records: 1, rounds }
}

function rowOf(others: readonly CaseResult[]): { rival: string | undefined; verdict: string | undefined } {
  const row = judge({ cases: [ran('oncelog', 4000), ...others] }).find((each) => each.row === title)
  return { rival: row?.rival, verdict: row?.verdict }
}

test('the fastest of all rivals is the one that counts', () => {
  const all = rivals.map((name, index) => ran(name, 100 * (index + 1)))
  assert.equal(rowOf(all), { rival: rivals.at(-1), verdict: 'met' })
})

test('where only some rivals were asked for, the row says of how many its rival is the fastest', () => {
  const [first = ''] = rivals
  assert.equal(rowOf([ran(first, 2000)]), { rival: `${first}, of 1 in ${rivals.length}`, verdict: 'MISSED' })
})

test('a row none of whose rivals was asked for is not compared; one whose rivals failed has failed', () => {
  assert.is(rowOf([]).verdict, 'not compared')
  const failed = rivals.map((name) => ({ ...ran(name, 1), rounds: [], failure: 'by the test' }))
  assert.equal(rowOf(failed), { rival: 'none ran', verdict: 'FAILED' })
})

test.run()
