// A member gives a partition up and is given another one, and nobody knows yet where that one begins.
import * as assert from 'uvu/assert'
import type { Assignor, EmbeddedLog } from '../../bindings/entry/node.ts'
import { type OpenLog, test } from './stores.ts'
import { gate } from './support.ts'

async function turns(): Promise<void> {
  for (let count = 0; count < 60; count++) await new Promise((resolve) => setImmediate(resolve))
}

/** Each partition of `t` goes to the member that also reads the topic which `readers` has for it. */
function given(readers: readonly string[]): Assignor['assign'] {
  return (members) =>
    new Map(
      members.map(({ memberId, topics }) => {
        const partitions = readers.flatMap((topic, partition) => (topics.includes(topic) ? [partition] : []))
        return [memberId, partitions.map((partition) => ({ topic: 't', partition }))]
      }),
    )
}

/** The first member has partition 0, and is to have 1 in its place, which nobody has: it begins once `begins` opens. */
async function changing(open: OpenLog) {
  const log: EmbeddedLog = await open()
  for (const topic of ['a', 'b']) await log.admin.createTopic(topic)
  await log.admin.createTopic('t', { partitions: 3 })
  const plan = { name: 'plan', assign: given(['a', 'nobody', 'b']) }
  const assignor = { name: 'plan', assign: (...asked: Parameters<Assignor['assign']>) => plan.assign(...asked) }
  const begins = gate()
  const member = (topic: string, positions: () => Promise<[]>) => {
    return log.consumer({ groupId: 'g', topics: ['t', topic], assignor, positions })
  }
  const second = member('b', async () => [])
  await second.lag()
  let isMoving = false
  const first = member('a', async () => {
    if (isMoving) await begins.opened
    return []
  })
  await first.lag()
  await turns()
  isMoving = true
  plan.assign = given(['b', 'a', 'b'])
  await log.admin.createPartitions('a', 2)
  await turns()
  return { log, first, second, begins }
}

function partitionsOf(consumer: { assignment(): readonly { partition: number }[] }): number[] {
  return consumer.assignment().map(({ partition }) => partition)
}

// Regression: it was nobody's until the other's start was known, which an open transaction may put off.
test('what it gave up is another member’s meanwhile', async (open) => {
  const { log, first, second, begins } = await changing(open)
  assert.equal([partitionsOf(first), partitionsOf(second)], [[], [2, 0]])
  begins.open()
  await turns()
  assert.equal([partitionsOf(first), partitionsOf(second)], [[1], [2, 0]])
  await log.close()
})

test.run()
