// What the sessions of an attached process keep for themselves, over a link that only notes what is asked.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FetchedPartition, FetchRequest, TopicPosition } from '../../bindings/broker/reader-session.ts'
import { AttachedConsumer } from '../../bindings/engine/remote/attached-consumer.ts'
import { AttachedReader } from '../../bindings/engine/remote/attached-reader.ts'
import { LogError } from '../../bindings/model/errors.ts'

const at = (partition: number, nextOffset = 0): TopicPosition => ({ topic: 't', partition, nextOffset })
const placeOf = ({ topic, partition }: TopicPosition) => ({ topic, partition })

/** Answers each fetch with these partitions; a holder that is `new` keeps nothing of the reader. */
function noting() {
  const asked: string[] = []
  const holder = { isNew: false, answers: [] as number[] }
  const link = {
    async fetch(method: string, _session: number, { positions }: FetchRequest) {
      asked.push(`${method} ${positions.map(({ partition, nextOffset }) => `${partition}@${nextOffset}`).join(' ')}`)
      if (method === 'poll' && holder.isNew) throw new LogError('UNKNOWN_MEMBER_ID', 'it keeps nothing')
      holder.isNew = false
      return holder.answers.map((partition) => ({ ...at(partition), batches: [] }) as never as FetchedPartition)
    },
  }
  const reader = new AttachedReader(link as never, 1, () => {})
  const fetch = async (
    positions: readonly TopicPosition[],
    forgotten: readonly TopicPosition[] = [],
    isFull = false,
  ) => {
    asked.length = 0
    const changes = { isFull, forgotten: forgotten.map(placeOf) }
    await reader.fetch({ positions, isolationLevel: 'read_committed', maxBytes: 1, wait: true, changes })
    return asked
  }
  return { holder, fetch }
}

test('the next holder is told of what the reader still asks for, and of nothing that it has or has forgotten', async () => {
  const { holder, fetch } = noting()
  holder.answers = [1]
  assert.equal(await fetch([at(0), at(1), at(2), at(3)], [], true), ['fetch 0@0 1@0 2@0 3@0'])
  holder.answers = [3]
  assert.equal(await fetch([], [at(2)]), ['poll '])
  holder.isNew = true
  assert.equal(await fetch([at(3, 5)]), ['poll 3@5', 'fetch 0@0 3@5'])
})

test('a reader that begins anew asks for nothing of before', async () => {
  const { holder, fetch } = noting()
  holder.answers = [0]
  await fetch([at(0), at(1)], [], true)
  assert.equal(await fetch([at(2)], [], true), ['fetch 2@0'])
  holder.isNew = true
  assert.equal(await fetch([at(3)]), ['poll 3@0', 'fetch 2@0 3@0'])
})

test('a member whose channel ended is told to join again, and its next call that it is out', async () => {
  const member = new AttachedConsumer({} as never, 1, () => {})
  let told = 0
  member.onRebalance(() => told++)
  member.lost()
  assert.is(told, 1)
  const error = await member.join([]).catch((reason: unknown) => reason)
  assert.ok(LogError.is(error, 'UNKNOWN_MEMBER_ID'), String(error))
})

test.run()
