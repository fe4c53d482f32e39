// The history checker raises no false alarm: a million operations of a log as it should be.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeAnomaly } from '../../bindings/testkit/history/anomaly.ts'
import { checkHistory } from '../../bindings/testkit/history/check-history.ts'
import { CleanHistory } from './clean-history.ts'

const operations = 1_000_000

test('many short histories, each of another seed', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const { anomalies, unreadPartitions } = checkHistory(new CleanHistory(seed, 1 + (seed % 4)).run(300))
    assert.equal(anomalies.map(describeAnomaly), [], `seed ${seed}`)
    assert.equal(unreadPartitions, [])
  }
})

test('a million operations with retries, unknown outcomes, aborts and rebalances', () => {
  const history = new CleanHistory(7, 4).run(operations)
  const outcomes = new Set(history.sends.map((send) => send.outcome))
  const ends = new Set(history.transactions.map((end) => end.outcome))
  assert.equal([outcomes.size, ends.size], [3, 3], 'every outcome occurs')
  const started = process.cpuUsage()
  const { anomalies, operationCount } = checkHistory(history)
  const { user, system } = process.cpuUsage(started)
  console.log(`${operationCount} operations judged, ${Math.round((user + system) / 1000)} ms of CPU`)
  assert.equal(anomalies.slice(0, 5).map(describeAnomaly), [])
  assert.ok(operationCount >= operations)
})

test.run()
