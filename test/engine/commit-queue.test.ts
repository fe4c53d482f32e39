// What one commit set takes of what waits, and what is paused until it is durable.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CommitQueue } from '../../bindings/engine/commit-queue.ts'
import type { HostedPartition } from '../../bindings/engine/hosted-partition.ts'
import type { PlannedChange } from '../../bindings/engine/planned-change.ts'

/** Room for two partitions in a set. */
const STORE = { decisionBytesMax: 2 * 2560 }
const CEILINGS_MAX = 128

const sets = suite('commit sets')

/** As much of a partition as the queue asks for. */
function hosted(): HostedPartition & { partition: { watermarks: { isUndurable: boolean } } } {
  const partition = {
    isStableHeld: false,
    watermarks: { isUndurable: true },
    holdStable() {
      partition.isStableHeld = true
    },
    assertWritable() {},
  }
  return { isDead: false, queue: undefined, partition } as never
}

function partitions(count: number) {
  return Array.from({ length: count }, hosted)
}

function newQueue(): CommitQueue {
  return new CommitQueue(STORE, hosted)
}

function ending(...of: readonly HostedPartition[]): PlannedChange {
  return { end: { marker: { producerId: 0, producerEpoch: 0, isCommit: true }, partitions: of }, done() {} }
}

/** As the commit of the set leaves its partitions. */
function commit(queue: CommitQueue) {
  const set = queue.take()
  for (const { partition } of set.durable) Object.assign(partition.watermarks, { isUndurable: false })
  for (const each of set.ending) {
    Object.assign(each.partition, { isStableHeld: false })
    each.queue = undefined
  }
  return set
}

sets('what waits for a partition whose records become durable ahead of a decision stays there over all sets', () => {
  const queue = newQueue()
  const all = partitions(5)
  queue.change(ending(...all))
  assert.is(commit(queue).changes.length, 0, 'the first set has data alone')
  const append = () => {}
  for (const { queue: paused } of all) paused?.push(append)
  assert.equal(
    all.map((each) => each.queue),
    all.map(() => [append]),
  )
  assert.is(commit(queue).changes.length, 0)
  for (const each of all) assert.equal(each.queue, [append])
  assert.equal(commit(queue).ending, all)
})

sets('a decision is not kept back by partitions that were deleted before their records were durable', () => {
  const queue = newQueue()
  const all = partitions(5)
  queue.change(ending(...all))
  commit(queue)
  for (const each of all) each.isDead = true
  assert.is(commit(queue).changes.length, 1)
})

sets('a partition that is opened after a decision which it was paused for keeps back the next one', () => {
  const queue = newQueue()
  const all = partitions(5)
  queue.change(ending(...all))
  for (let set = 0; set < 3; set++) commit(queue)
  const [opening] = all as [HostedPartition]
  opening.queue = []
  queue.change(ending(opening))
  assert.not(queue.isWanted)
  assert.not(queue.isIdle, 'the decision waits')
  assert.is(queue.take().changes.length, 0)
})

sets('partitions with a marker take room from those that only become durable', () => {
  const queue = newQueue()
  const [ends, ...others] = partitions(4) as [HostedPartition, ...HostedPartition[]]
  for (const each of others) queue.wantDurable(each)
  assert.not(queue.isIdle)
  queue.change(ending(ends))
  assert.equal(commit(queue).durable, [ends, others[0]])
  assert.equal(commit(queue).durable, others.slice(1))
})

sets('a set raises so many ceilings, and the next one the others', () => {
  const queue = newQueue()
  for (const each of partitions(CEILINGS_MAX + 2)) queue.wantCeiling(each)
  assert.is(queue.take().ceilings.length, CEILINGS_MAX)
  assert.is(queue.take().ceilings.length, 2)
  assert.not(queue.isWanted)
})

sets.run()
