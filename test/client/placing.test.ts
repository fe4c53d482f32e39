// Lists that are larger than their topic's limit, as a process that doesn't hold the log cuts them.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Partitioner } from '../../bindings/client/producer/partitioner.ts'
import { SendPlan } from '../../bindings/client/producer/place-records.ts'
import { Placing } from '../../bindings/client/producer/placing.ts'
import type { RecordAccumulator } from '../../bindings/client/producer/record-accumulator.ts'
import type { TopicRules } from '../../bindings/client/producer/topic-rules.ts'

test('before a list is cut the log is asked for the limit, but not again within a second: that takes copies of all records', async () => {
  const rules = { partitions: 1, maxMessageBytes: 300, segmentBytes: 10_000, compressionType: 'producer' } as TopicRules
  let asked = 0
  const queue = {}
  const accumulator = {
    mayBeOutdated: true,
    rulesNow: () => rules,
    rules: async () => rules,
    newerRules: async () => {
      asked++
      return rules
    },
    queue: () => queue,
  } as unknown as RecordAccumulator
  let nowMs = 0
  const partitioner = new Partitioner(undefined, () => 0, 1000)
  const placing = new Placing(
    accumulator,
    partitioner,
    () => undefined,
    () => nowMs,
  )
  const list = Array.from({ length: 5 }, () => ({ topic: 't', value: 'x'.repeat(100) }))
  const isPlacedNow = async () => {
    const plan = new SendPlan(undefined)
    if (placing.now(plan, list)) return true
    await placing.later(plan, plan.copies(list))
    return false
  }
  assert.equal([await isPlacedNow(), asked], [false, 1])
  nowMs = 999
  assert.equal([await isPlacedNow(), asked], [true, 1])
  nowMs = 1000
  assert.equal([await isPlacedNow(), asked], [false, 2])
})

test.run()
