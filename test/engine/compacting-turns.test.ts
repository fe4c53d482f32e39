// A pass of compaction takes part in the upkeep step by step, so that checkpoints and other jobs get between its turns.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Compacting, type CompactingParts } from '../../bindings/engine/compacting.ts'
import type { PartitionFactory } from '../../bindings/log/partition/partition-factory.ts'
import { LogError } from '../../bindings/model/errors.ts'
import { parseTopicConfig } from '../../bindings/model/topic-config.ts'
import { letOthersRun, perform, type Task } from '../../bindings/storage/effect.ts'
import { runNow } from '../log/support.ts'

const PASS_TURNS = 100

function* pass(): Task<void> {
  for (let turn = 0; turn < PASS_TURNS; turn++) yield* letOthersRun()
}

/** One partition with a dirty segment. */
function compacting(
  factory: Partial<PartitionFactory>,
  config = () => parseTopicConfig({ 'cleanup.policy': 'compact' }),
): Compacting {
  const id = { topicId: 'id', topic: 't', partition: 0 }
  const watermarks = { durableOffset: 10, logStartOffset: 0 }
  const topics = {
    ids: () => [id],
    config,
    hostedIfRoom: () => ({ id, dead: false, partition: { lastStableOffset: 10, watermarks, producers: () => [] } }),
  }
  const segment = { baseOffset: 0, nextOffset: 10, sizeBytes: 100, firstTimestamp: 0, maxTimestamp: 0 }
  const store = { compactable: () => ({ cleanedOffset: 0, segments: [segment] }) }
  const guard = { trustedNow: (_: number, now: number) => now }
  return new Compacting(15_000, { topics, store, factory, guard } as unknown as CompactingParts)
}

test('a step of a long pass ends after some turns, and the next one goes on where it was', () => {
  const job = compacting({ compact: pass as PartitionFactory['compact'] })
  job.begin(0)
  const turns: number[] = []
  for (let step = job.next(0); step !== undefined; step = job.next(0)) turns.push([...step].length)
  assert.ok(
    turns.every((count) => count <= 32),
    `${turns}`,
  )
  // The last turn of a full step is its end.
  assert.is(turns.reduce((sum, count) => sum + count, 0) + turns.length - 1, PASS_TURNS)
})

test('a pass ends once its topic is not to be compacted any more, and gives back what it holds', () => {
  let policy = 'compact'
  const done: string[] = []
  const compact = function* (): Task<undefined> {
    try {
      yield* pass()
      done.push('compacted')
    } finally {
      yield* letOthersRun()
      done.push('abandoned')
    }
  }
  const job = compacting({ compact }, () => parseTopicConfig({ 'cleanup.policy': policy }))
  job.begin(0)
  for (const _ of job.next(0) ?? []);
  policy = 'delete'
  for (let step = job.next(0); step !== undefined; step = job.next(0)) for (const _ of step);
  assert.equal(done, ['abandoned'])
})

test('a segment whose flush the topic’s new policy overtakes isn’t put in the place of those before it', () => {
  let policy = 'compact'
  const done: string[] = []
  const compact = function* (): Task<undefined> {
    try {
      yield* perform('flush', 't-0/00000000000000000000.log.cleaned', () => {
        policy = 'delete'
      })
      done.push('exchanged')
    } finally {
      yield* perform('remove', 't-0/00000000000000000000.log.cleaned', () => {})
      done.push('abandoned')
    }
  }
  const job = compacting({ compact }, () => parseTopicConfig({ 'cleanup.policy': policy }))
  job.begin(0)
  runNow(job.next(0) as Task<void>)
  assert.equal(done, ['abandoned'])
})

test('a pass that finds no memory begins anew with fewer tails, and is given up where that is no use', () => {
  for (const [needed, expected] of [
    [3, [Number.POSITIVE_INFINITY, 8, 6]],
    [100, [Number.POSITIVE_INFINITY, 8, 6, 5]],
  ] as const) {
    const before: number[] = []
    const left = [8, 6, 5, undefined]
    const makeRoom = (count: number) => {
      before.push(count)
      return left.shift()
    }
    let passes = 0
    const job = compacting({
      tails: { makeRoom } as PartitionFactory['tails'],
      *compact() {
        yield* letOthersRun()
        if (passes++ < needed) throw new LogError('MEMORY_CAP_REACHED', 'there is no memory')
        return undefined
      },
    })
    for (let round = 0; round < 2; round++) {
      job.begin(0)
      for (let step = job.next(0); step !== undefined; step = job.next(0)) for (const _ of step);
      if (round > 0) continue
      assert.is(passes, 4)
      assert.equal(before, expected)
    }
    if (needed === 100) assert.is(before.at(-1), Number.POSITIVE_INFINITY, 'the next round begins as the first')
  }
})

test.run()
